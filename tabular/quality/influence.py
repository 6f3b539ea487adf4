"""By how much each row moves a metric: the influence function of every metric of `metrics.py`.

A metric of n rows is, but for terms of higher order, its true value plus the mean of the rows' influences. So the
spread of the influences is the uncertainty of the metric, those of one group added up where rows are not independent
(Hampel, Ronchetti, Rousseeuw, Stahel, *Robust Statistics*, 1986). For ROC-AUC this is the method of DeLong, DeLong and
Clarke-Pearson (Biometrics 44, 1988). It costs one sort, where a bootstrap costs thousands.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Task
from tabular.quality.metrics import SHARE_OFF_BY_MORE, Floats, row_losses

Flags = NDArray[np.bool_]


def influences(
    task: Task, target: Floats, scores: Floats, threshold: float = 0.5, off_by: float | None = None
) -> Mapping[str, Floats]:
    """The influence of each row, n values of mean 0, on every metric of the task that these rows define."""
    measure = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[task]
    scores = np.asarray(scores, dtype=np.float64)
    found = measure(target, scores, threshold)
    return found if task == "multiclass" else found | _errors(scores - target, off_by)


def headline_influence(task: Task, target: Floats, scores: Floats) -> Floats:
    """The influence of each row on the headline metric alone, where the rows define it."""
    if task == "regression":
        return _regression(target, scores, 0.5)["r2"]
    columns = scores[:, None] if task == "binary" else scores
    codes = [1] if task == "binary" else range(columns.shape[1])
    present = [(code, column) for code, column in zip(codes, columns.T, strict=True) if 0 < (target == code).mean() < 1]
    return np.asarray(np.mean([_roc_auc(target == code, column) for code, column in present], axis=0))


def _errors(errors: Floats, off_by: float | None) -> dict[str, Floats]:
    squared = errors**2
    root = float(np.sqrt(squared.mean()))
    found = {"mae": _mean(np.abs(errors)), "mse": _mean(squared), "rmse": _mean(squared) / (2 * max(root, 1e-300))}
    return found if off_by is None else found | {SHARE_OFF_BY_MORE: _mean((np.abs(errors) > off_by).astype(np.float64))}


def _binary(target: Floats, scores: Floats, threshold: float) -> dict[str, Floats]:
    is_positive = target == 1
    ranking = {}
    if 0 < is_positive.sum() < len(target):
        ranking = {
            "roc_auc": _roc_auc(is_positive, scores),
            "pr_auc": _average_precision(is_positive, scores),
            "f1": _f1(is_positive, scores >= threshold),
        }
    return ranking | {
        "log_loss": _mean(row_losses("binary", target, scores)),
        "brier": _mean((scores - target) ** 2),
        "accuracy": _mean((scores >= 0.5) == target),
    }


def _multiclass(target: Floats, scores: Floats, _threshold: float) -> dict[str, Floats]:
    classes = scores.shape[1]
    present = [code for code in range(classes) if 0 < (target == code).sum() < len(target)]
    ranking = {"roc_auc": np.mean([_roc_auc(target == code, scores[:, code]) for code in present], axis=0)}
    predicted = scores.argmax(axis=1)
    named = [code for code in range(classes) if ((target == code) | (predicted == code)).any()]
    return (ranking if present else {}) | {
        "log_loss": _mean(row_losses("multiclass", target, scores)),
        "brier": _mean(((scores - np.eye(classes)[target.astype(np.int64)]) ** 2).sum(axis=1)),
        "accuracy": _mean(predicted == target),
        "f1_macro": np.mean([_f1(target == code, predicted == code) for code in named], axis=0),
    }


def _regression(target: Floats, scores: Floats, _threshold: float) -> dict[str, Floats]:
    squared, apart = (scores - target) ** 2, (target - target.mean()) ** 2
    variance, error = float(apart.mean()), float(squared.mean())
    return {"r2": -_mean(squared) / variance + error / variance**2 * _mean(apart)} if variance > 0 else {}


def _mean(values: Floats) -> Floats:
    return np.asarray(values - np.mean(values), dtype=np.float64)


def _roc_auc(is_positive: Flags, scores: Floats) -> Floats:
    """DeLong's: for each row the share of the other class on its right side, ties counting half."""
    found = np.empty(len(scores))
    for own, sign in ((is_positive, 1), (~is_positive, -1)):
        others = np.sort(sign * scores[~own])
        mine = sign * scores[own]
        below = (np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")) / 2 / len(others)
        # The variance within a class is that of a sample of it, with one degree of freedom less than rows.
        correction = np.sqrt(own.sum() / max(own.sum() - 1, 1))
        found[own] = _mean(below) / own.mean() * correction
    return found


def _average_precision(is_positive: Flags, scores: Floats) -> Floats:
    """AP is the mean over the positives of T/G: the shares of positives and of all rows with at least their score."""
    values, at, counts = np.unique(scores, return_inverse=True, return_counts=True)
    positives = np.bincount(at, is_positive, len(values))
    rows = len(scores)
    at_least = np.cumsum(counts[::-1])[::-1] / rows
    precision = np.cumsum(positives[::-1])[::-1] / rows / at_least
    share = is_positive.mean()
    average = float(positives @ precision) / rows / share
    # What a row does to the precision of every positive at or below it.
    as_positive = np.cumsum(positives / rows / at_least)
    as_row = np.cumsum(positives / rows * precision / at_least)
    own = precision[at] - average
    return np.asarray((is_positive * (own + as_positive[at]) - as_row[at]) / share, dtype=np.float64)


def _f1(truth: Flags, predicted: Flags) -> Floats:
    hits, named = 2.0 * (truth & predicted), truth.astype(np.float64) + predicted
    f1 = hits.sum() / named.sum()
    return np.asarray((hits - f1 * named) / named.mean(), dtype=np.float64)
