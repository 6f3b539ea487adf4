"""How good a model is: metrics, slices, and a paired comparison with another. Pure: rows and scores in, numbers out.

Scores are n probabilities of the positive class, n x classes for a multiclass task, or n values for a regression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from tabular.contract.types import Contract, Task
from tabular.data.table import CleanTable

Floats = NDArray[np.floating[Any]]

MIN_SLICE_ROWS = 30
MIN_SLICE_CLASS_ROWS = 5
MAX_SLICES = 100  # of one feature: of a number nearly every row has another value
RESAMPLES = 2_000
CHUNK_CELLS = 4_000_000
SMALLEST_CHANCE = 1e-7  # a float32 chance of exactly 0 or 1 would make the loss infinite


class Slice(msgspec.Struct, frozen=True):
    """One value of one slice feature: how many test rows have it, and the metrics there if they are enough."""

    feature: str
    value: str
    n: int
    metrics: dict[str, float] | None


class Difference(msgspec.Struct, frozen=True):
    """Ours against theirs on the same rows; `gain` above 0 means ours is better, [low, high] is its 95 % interval."""

    metric: str
    ours: float
    theirs: float
    gain: float
    low: float
    high: float


def headline(task: Task) -> str:
    """The metric that a task is known by."""
    return {"binary": "roc_auc", "multiclass": "roc_auc", "regression": "r2"}[task]


def metrics(task: Task, target: Floats, scores: Floats, threshold: float = 0.5) -> dict[str, float]:
    """Every metric of the task; `threshold` (binary only) is the one F1 is taken at: choose it on other rows."""
    measure = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[task]
    found = measure(target, np.asarray(scores, dtype=np.float64), threshold)
    return {name: float(value) for name, value in found.items()}


def best_f1_threshold(target: Floats, scores: Floats) -> float:
    """The threshold with the best F1 on these rows; a row at or above it counts as positive."""
    precision, recall, thresholds = sk.precision_recall_curve(target, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def slices(contract: Contract, table: CleanTable, scores: Floats, threshold: float) -> list[Slice]:
    """The metrics on each value of the contract's slice features, the most frequent `MAX_SLICES` of each.

    None where rows or classes are too few to tell.
    """
    target, found = table.target.to_numpy(), []
    for name in contract.table.slice_features:
        values = table.features[name].astype(object)
        labels = values.where(values.notna(), "(missing)").astype(str).to_numpy()
        for value in sorted(value for value, _ in Counter(labels.tolist()).most_common(MAX_SLICES)):
            rows = labels == value
            enough = _enough(contract.table.task, target[rows])
            measured = metrics(contract.table.task, target[rows], scores[rows], threshold) if enough else None
            found.append(Slice(name, value, int(rows.sum()), measured))
    return found


def row_losses(task: Task, target: Floats, scores: Floats) -> Floats:
    """The loss of each row: minus the log of the chance given to what happened, or the squared error."""
    scores = np.asarray(scores, dtype=np.float64)
    if task == "regression":
        return np.asarray((scores - target) ** 2, dtype=np.float64)
    if task == "binary":
        given = np.where(target == 1, scores, 1 - scores)
    else:
        given = scores[np.arange(len(target)), target.astype(np.int64)]
    return np.asarray(-np.log(np.clip(given, SMALLEST_CHANCE, 1.0)), dtype=np.float64)


def compare(task: Task, target: Floats, ours: Floats, theirs: Floats, seed: int = 0) -> list[Difference]:
    """Paired bootstrap over the rows: the loss, and for a binary task the ROC-AUC too."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    our_loss, their_loss = row_losses(task, target, ours), row_losses(task, target, theirs)
    curves = [_RankedAuc(target, scores) for scores in (ours, theirs)] if task == "binary" else []
    loss_gains, auc_gains = [], []
    for weights in _resamples(len(target), seed):
        loss_gains.append(weights @ (their_loss - our_loss) / len(target))
        if curves:
            auc_gains.append(curves[0](weights) - curves[1](weights))
    differences = [_difference("loss", our_loss.mean(), their_loss.mean(), np.concatenate(loss_gains), sign=-1)]
    if curves:
        once = np.ones((1, len(target)))
        points = [float(curve(once)[0]) for curve in curves]
        differences.append(_difference("roc_auc", points[0], points[1], np.concatenate(auc_gains), sign=1))
    return differences


def _difference(metric: str, ours: float, theirs: float, gains: Floats, *, sign: int) -> Difference:
    low, high = np.nanquantile(gains, [0.025, 0.975])
    return Difference(metric, float(ours), float(theirs), float(sign * (ours - theirs)), float(low), float(high))


def _resamples(rows: int, seed: int) -> Iterator[Floats]:
    draw = np.random.default_rng(seed)
    step = max(1, CHUNK_CELLS // rows)
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        yield draw.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(np.float64)


class _RankedAuc:
    """ROC-AUC under many row weights at once: the rows are sorted once, ties count half."""

    def __init__(self, target: Floats, scores: Floats) -> None:
        self._order = np.argsort(scores, kind="stable")
        ranked = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._is_positive = (target == 1)[self._order]

    def __call__(self, weights: Floats) -> Floats:
        ranked = weights[:, self._order]
        positive = np.add.reduceat(ranked * self._is_positive, self._starts, axis=1)
        negative = np.add.reduceat(ranked * ~self._is_positive, self._starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return np.asarray((positive * below).sum(axis=1) / np.where(pairs > 0, pairs, np.nan))


def _enough(task: Task, target: Floats) -> bool:
    if len(target) < MIN_SLICE_ROWS or task == "regression":
        return len(target) >= MIN_SLICE_ROWS
    counts = np.unique(target, return_counts=True)[1]
    return len(counts) > 1 and bool(counts.min() >= MIN_SLICE_CLASS_ROWS)


def _binary(target: Floats, scores: Floats, threshold: float) -> dict[str, Any]:
    return {
        "roc_auc": sk.roc_auc_score(target, scores),
        "pr_auc": sk.average_precision_score(target, scores),
        "log_loss": row_losses("binary", target, scores).mean(),
        "brier": np.mean((scores - target) ** 2),
        "accuracy": np.mean((scores >= 0.5) == target),
        "f1": sk.f1_score(target, scores >= threshold, zero_division=0.0),
        "f1_threshold": threshold,
    }


def _multiclass(target: Floats, scores: Floats, _threshold: float) -> dict[str, Any]:
    told = scores.argmax(axis=1)
    return {
        "roc_auc": _one_against_rest(target, scores),
        "log_loss": row_losses("multiclass", target, scores).mean(),
        "brier": np.mean(((scores - np.eye(scores.shape[1])[target.astype(np.int64)]) ** 2).sum(axis=1)),
        "accuracy": np.mean(told == target),
        "f1_macro": sk.f1_score(target, told, average="macro", zero_division=0.0),
    }


def _one_against_rest(target: Floats, scores: Floats) -> float:
    present = [code for code in range(scores.shape[1]) if 0 < (target == code).sum() < len(target)]
    return float(np.mean([sk.roc_auc_score(target == code, scores[:, code]) for code in present]))


def _regression(target: Floats, scores: Floats, _threshold: float) -> dict[str, Any]:
    return {
        "rmse": np.sqrt(np.mean((scores - target) ** 2)),
        "mae": np.mean(np.abs(scores - target)),
        "r2": sk.r2_score(target, scores),
    }
