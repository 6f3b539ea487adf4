"""How good scores are on rows whose target is known: training, its gate and the reports all ask here.

Scores are n probabilities of the positive class, n x classes for a multiclass task, or n values for a regression.
Targets are n codes (1 for the positive class, or the position of the class), or n values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn import metrics as sk

from tabular.contract.types import Task

Floats = NDArray[np.floating[Any]]

SHARE_OFF_BY_MORE = "share_off_by_more"
"""The metric whose amount the contract states (`[evaluation] off_by_more_than`)."""

SMALLEST_PROBABILITY = 1e-7  # a float32 probability of exactly 0 or 1 would make the loss infinite


def headline(task: Task) -> str:
    """The metric that a task is known by."""
    return {"binary": "roc_auc", "multiclass": "roc_auc", "regression": "r2"}[task]


def metrics(
    task: Task, target: Floats, scores: Floats, threshold: float = 0.5, off_by: float | None = None
) -> dict[str, float]:
    """Every metric of the task that the rows define: a ranking takes two classes, and R² targets that differ.

    `threshold` (binary only) is the one F1 is taken at: choose it on other rows. The share of rows whose score is off
    by more than `off_by` is measured if that is given. The rest is scikit-learn's, but the losses (`row_losses`) and
    Brier's score, which for several classes is the sum over them.
    """
    measure = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[task]
    scores = np.asarray(scores, dtype=np.float64)
    found = measure(target, scores, threshold)
    if task != "multiclass":
        found |= _errors(scores - target, off_by)
    return {name: float(value) for name, value in found.items()}


def headline_value(task: Task, target: Floats, scores: Floats) -> float:
    """The headline metric alone, NaN where the rows do not define it: what is measured many times is measured so."""
    if task == "regression":
        return float(sk.r2_score(target, scores)) if np.ptp(target) > 0 else float("nan")
    columns = scores[:, None] if task == "binary" else scores
    codes = [1] if task == "binary" else range(columns.shape[1])
    found = [_roc_auc(target == code, column) for code, column in zip(codes, columns.T, strict=True)]
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _roc_auc(is_positive: NDArray[np.bool_], scores: Floats) -> float:
    """ROC-AUC by the ranks of the scores (Mann and Whitney 1947), a tenth of the time of scikit-learn's curve."""
    positives = int(is_positive.sum())
    pairs = positives * (len(scores) - positives)
    ranks = float(rankdata(scores)[is_positive].sum()) - positives * (positives + 1) / 2
    return ranks / pairs if pairs else float("nan")


def best_f1_threshold(target: Floats, scores: Floats) -> float:
    """The threshold with the best F1 on these rows; a row at or above it counts as positive."""
    precision, recall, thresholds = sk.precision_recall_curve(target, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def row_losses(task: Task, target: Floats, scores: Floats) -> Floats:
    """The loss of each row, n values: minus the log of the probability of the true class, or the squared error."""
    scores = np.asarray(scores, dtype=np.float64)
    if task == "regression":
        return np.asarray((scores - target) ** 2, dtype=np.float64)
    if task == "binary":
        given = np.where(target == 1, scores, 1 - scores)
    else:
        given = scores[np.arange(len(target)), target.astype(np.int64)]
    return np.asarray(-np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0)), dtype=np.float64)


def _errors(errors: Floats, off_by: float | None) -> dict[str, Any]:
    """Of the value, or of the probability of the positive class, whose mean squared error is Brier's score."""
    squared = np.mean(errors**2)
    found = {"mae": np.mean(np.abs(errors)), "mse": squared, "rmse": np.sqrt(squared)}
    return found if off_by is None else found | {SHARE_OFF_BY_MORE: np.mean(np.abs(errors) > off_by)}


def _binary(target: Floats, scores: Floats, threshold: float) -> dict[str, Any]:
    ranking = {}
    if len(np.unique(target)) > 1:
        ranking = {"roc_auc": sk.roc_auc_score(target, scores), "pr_auc": sk.average_precision_score(target, scores)}
    return ranking | {
        "log_loss": row_losses("binary", target, scores).mean(),
        "brier": np.mean((scores - target) ** 2),
        "accuracy": np.mean((scores >= 0.5) == target),
        "f1": sk.f1_score(target, scores >= threshold, zero_division=0.0),
        "f1_threshold": threshold,
    }


def _multiclass(target: Floats, scores: Floats, _threshold: float) -> dict[str, Any]:
    predicted = scores.argmax(axis=1)
    present = [code for code in range(scores.shape[1]) if 0 < (target == code).sum() < len(target)]
    one_against_rest = [sk.roc_auc_score(target == code, scores[:, code]) for code in present]
    return ({"roc_auc": np.mean(one_against_rest)} if present else {}) | {
        "log_loss": row_losses("multiclass", target, scores).mean(),
        "brier": np.mean(((scores - np.eye(scores.shape[1])[target.astype(np.int64)]) ** 2).sum(axis=1)),
        "accuracy": np.mean(predicted == target),
        "f1_macro": sk.f1_score(target, predicted, average="macro", zero_division=0.0),
    }


def _regression(target: Floats, scores: Floats, _threshold: float) -> dict[str, Any]:
    return {"r2": sk.r2_score(target, scores)} if np.ptp(target) > 0 else {}
