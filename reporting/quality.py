"""Quality on true labels, and on nothing else: a prediction without a label says nothing about quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.encoding.values import class_reader
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.prediction import Prediction

Numbers = NDArray[np.float64]
Measures = dict[str, float]


class Quality(msgspec.Struct, frozen=True):
    """Measures of the window by name, and of the reference where it can be told the same way.

    `labels` is how many true labels there were; `unreadable` how many were not a class (or a number) of the contract.
    `note` says why a measure is absent.
    """

    labels: int
    unreadable: int
    measures: Measures
    reference: Measures
    note: str = ""


def measure(predictions: Sequence[Prediction], reference: pd.DataFrame, contract: Contract) -> Quality | None:
    """The quality on those predictions whose true label is known; None if there is none."""
    labelled = [prediction for prediction in predictions if prediction.label is not None]
    if not labelled:
        return None
    truth = [_truth(prediction.label, contract) for prediction in labelled]
    known = [(prediction, value) for prediction, value in zip(labelled, truth, strict=True) if value is not None]
    unreadable = len(labelled) - len(known)
    if not known:
        return Quality(0, unreadable, {}, {}, "No label names a class or a value of the contract.")
    values = np.array([value for _, value in known], dtype=np.float64)
    if contract.table.task == "multiclass":
        probabilities = [prediction.probabilities for prediction, _ in known]
        return Quality(len(known), unreadable, _multiclass(values, probabilities, contract), {})
    scores = np.array([prediction.score for prediction, _ in known], dtype=np.float64)
    measures, note = _single(values, scores, contract)
    held_out = reference[[REFERENCE_TARGET, REFERENCE_SCORE]].to_numpy(np.float64)
    before, _ = _single(held_out[:, 0], held_out[:, 1], contract)
    return Quality(len(known), unreadable, measures, before, note)


def _truth(label: Any, contract: Contract) -> float | None:
    """A label as the target's number: 1 for the positive class, a class position, or the value; None if unreadable."""
    target = contract.target
    if not target.classes:
        is_number = isinstance(label, int | float) and not isinstance(label, bool) and np.isfinite(label)
        return float(label) if is_number else None
    if (known := class_reader(target)(label)) is None:
        return None
    return float(known == target.positive) if target.positive is not None else float(target.classes.index(known))


def _single(truth: Numbers, scores: Numbers, contract: Contract) -> tuple[Measures, str]:
    if contract.table.task == "regression":
        return _regression(truth, scores), ""
    if len(np.unique(truth)) < 2:
        return _losses(truth, scores), "All labels are of one class, so the ranking (ROC-AUC) cannot be told."
    from sklearn.metrics import average_precision_score, roc_auc_score

    ranking = {
        "ROC-AUC": float(roc_auc_score(truth, scores)),
        "PR-AUC": float(average_precision_score(truth, scores)),
    }
    return ranking | _losses(truth, scores), ""


def _losses(truth: Numbers, scores: Numbers) -> Measures:
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    log_loss = -np.mean(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped))
    return {
        "log loss": float(log_loss),
        "Brier score": float(np.mean((scores - truth) ** 2)),
        "positive share": float(truth.mean()),
        "mean score": float(scores.mean()),
    }


def _regression(truth: Numbers, values: Numbers) -> Measures:
    errors = values - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    measures = {"RMSE": float(np.sqrt(np.mean(errors**2))), "MAE": float(np.mean(np.abs(errors)))}
    return measures | ({"R²": 1 - float(np.sum(errors**2)) / spread} if spread else {})


def _multiclass(truth: Numbers, probabilities: Sequence[dict[str, float] | None], contract: Contract) -> Measures:
    rows = [[(chance or {}).get(name, 0.0) for name in contract.target.classes] for chance in probabilities]
    table = np.array(rows, dtype=np.float64)
    told = table[np.arange(len(truth)), truth.astype(int)]
    return {
        "accuracy": float(np.mean(table.argmax(axis=1) == truth)),
        "log loss": float(-np.mean(np.log(np.clip(told, 1e-7, 1.0)))),
    }
