"""Quality on ground-truth labels, and on nothing else: a prediction without a label says nothing about quality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.encoding.values import class_reader
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, probability_columns
from tabular.predictions.prediction import Prediction
from tabular.quality.intervals import Interval, intervals
from tabular.quality.metrics import SHARE_OFF_BY_MORE, Floats, metrics
from tabular.quality.slices import slice_metric, slices

TITLES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "r2": "R²",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    SHARE_OFF_BY_MORE: "share off by more",
    "positive_share": "positive share",
    "mean_score": "mean score",
}
"""The measures of a report, in order. F1 is none: the threshold that it is taken at is chosen in training."""

MAX_SLICES = 40
"""Slices that a page shows, those with the most labels."""

Measures = dict[str, float]


class SliceQuality(msgspec.Struct, frozen=True):
    """One value of a slice feature: the metric that slices are known by, now and on the reference where both have it.

    None where there are too few labels to measure.
    """

    feature: str
    value: str
    labels: int
    measure: float | None
    interval: Interval | None
    reference: float | None


class Quality(msgspec.Struct, frozen=True):
    """Measures of the window by name, and of the reference where it can be measured the same way.

    `intervals` has the ends of the 95 % interval of those measures of the window that have one.
    `labels` is how many true labels there were; `unreadable` how many were not a class (or a number) of the contract.
    `note` says why a measure is absent.
    """

    labels: int
    unreadable: int
    measures: Measures
    reference: Measures
    note: str = ""
    intervals: dict[str, Interval] = {}
    slices: tuple[SliceQuality, ...] = ()


def measure(predictions: Sequence[Prediction], reference: pd.DataFrame, contract: Contract) -> Quality | None:
    """The quality on those predictions whose true label is known; None if there is none."""
    labelled = [prediction for prediction in predictions if prediction.label is not None]
    if not labelled:
        return None
    targets = [_target(prediction.label, contract) for prediction in labelled]
    known = [(prediction, value) for prediction, value in zip(labelled, targets, strict=True) if value is not None]
    unreadable = len(labelled) - len(known)
    if not known:
        return Quality(0, unreadable, {}, {}, "No label names a class or a value of the contract.")
    target = np.array([value for _, value in known], dtype=np.float64)
    scores = _scores([prediction for prediction, _ in known], contract)
    before = _measures(*_held_out(reference, contract)[1:], contract)
    now = _measures(target, scores, contract)
    is_ranked = contract.table.task == "regression" or "roc_auc" in now
    note = "" if is_ranked else "All labels are of one class, so the ranking (ROC-AUC) cannot be measured."
    ends = intervals(contract.table.task, target, scores, off_by=contract.off_by_more_than)
    shown = {name: ends[name] for name in now if name in ends}
    frame = pd.DataFrame([prediction.row for prediction, _ in known])
    return Quality(
        len(known), unreadable, now, before, note, shown, _by_slice(frame, target, scores, reference, contract)
    )


def _by_slice(
    frame: pd.DataFrame, target: Floats, scores: Floats, reference: pd.DataFrame, contract: Contract
) -> tuple[SliceQuality, ...]:
    """The slices of the labelled predictions, the largest of each feature."""
    metric = slice_metric(contract.table.task)
    known = slices(contract, *_held_out(reference, contract))
    before = {(one.feature, one.value): one.metrics or {} for one in known}
    found = sorted(slices(contract, frame, target, scores), key=lambda one: -one.n)[:MAX_SLICES]
    order = contract.table.slice_features.index
    return tuple(
        SliceQuality(
            one.feature,
            one.value,
            one.n,
            (one.metrics or {}).get(metric),
            one.intervals.get(metric),
            before.get((one.feature, one.value), {}).get(metric),
        )
        for one in sorted(found, key=lambda one: (order(one.feature), one.value))
    )


def _held_out(reference: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, Floats, Floats]:
    """The rows of the reference that the model was not fitted on, their targets, and their scores as a model's are.

    Of a small table's reference the other rows have no score.
    """
    scored = reference[reference[REFERENCE_SCORE].notna()]
    scores = scored[list(probability_columns(contract)) or REFERENCE_SCORE].to_numpy(np.float64)
    return scored, scored[REFERENCE_TARGET].to_numpy(np.float64), scores


def _target(label: Any, contract: Contract) -> float | None:
    """A label as the target's number: 1 for the positive class, a class position, or the value; None if unreadable."""
    target = contract.target
    if not target.classes:
        is_number = isinstance(label, int | float) and not isinstance(label, bool) and np.isfinite(label)
        return float(label) if is_number else None
    if (known := class_reader(target)(label)) is None:
        return None
    return float(known == target.positive) if target.positive is not None else float(target.classes.index(known))


def _scores(predictions: Sequence[Prediction], contract: Contract) -> Floats:
    """N scores, or n x classes probabilities; a class that a prediction does not have counts as 0."""
    if contract.table.task != "multiclass":
        return np.array([prediction.score for prediction in predictions], dtype=np.float64)
    rows = [[(one.probabilities or {}).get(name, 0.0) for name in contract.target.classes] for one in predictions]
    return np.array(rows, dtype=np.float64)


def _measures(target: Floats, scores: Floats, contract: Contract) -> Measures:
    found = metrics(contract.table.task, target, scores, off_by=contract.off_by_more_than)
    if contract.table.task == "binary":
        found |= {"positive_share": float(target.mean()), "mean_score": float(scores.mean())}
    return {name: found[name] for name in TITLES if name in found}
