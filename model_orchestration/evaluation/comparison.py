"""A paired comparison of two models on the same rows, and in words: the gate's sentences are made of `Difference`s."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Task
from tabular.quality.metrics import Floats, row_losses

MIN_DIGITS, MAX_DIGITS = 4, 15
RESAMPLES = 2_000
CHUNK_CELLS = 4_000_000


Units = NDArray[Any] | None


class Difference(msgspec.Struct, frozen=True):
    """Ours against theirs on the same rows; `gain` above 0 means ours is better, [low, high] is its 95 % interval."""

    metric: str
    ours: float
    theirs: float
    gain: float
    low: float
    high: float


def compare(
    task: Task, target: Floats, ours: Floats, theirs: Floats, units: Units = None, seed: int = 0
) -> list[Difference]:
    """Paired bootstrap over the rows: the loss, and for a binary task the ROC-AUC too.

    `units` says which rows are dependent, n names: then these are drawn, with all their rows.
    """
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    our_loss, their_loss = row_losses(task, target, ours), row_losses(task, target, theirs)
    curves = [_RankedAuc(target, scores) for scores in (ours, theirs)] if task == "binary" else []
    loss_gains, auc_gains = [], []
    for weights in _resamples(len(target), units, seed):
        loss_gains.append(weights @ (their_loss - our_loss) / weights.sum(axis=1))
        if curves:
            auc_gains.append(curves[0](weights) - curves[1](weights))
    differences = [_difference("loss", our_loss.mean(), their_loss.mean(), np.concatenate(loss_gains), sign=-1)]
    if curves:
        once = np.ones((1, len(target)))
        points = [float(curve(once)[0]) for curve in curves]
        differences.append(_difference("roc_auc", points[0], points[1], np.concatenate(auc_gains), sign=1))
    return differences


def figures(*values: float) -> list[str]:
    """Numbers with as many digits as distinguish them: what differs never reads the same."""
    for digits in range(MIN_DIGITS, MAX_DIGITS):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            return texts
    return [repr(value) for value in values]


def significantly_worse(differences: Iterable[Difference]) -> list[Difference]:
    """Where theirs is significantly better: the whole interval is on their side."""
    return [one for one in differences if one.gain < 0 and one.high < 0]


def significantly_better(differences: Iterable[Difference]) -> list[Difference]:
    """Where ours is significantly better."""
    return [one for one in differences if one.gain > 0 and one.low > 0]


def described(differences: Sequence[Difference], whose: str) -> str:
    """What each comparison came to: ours, theirs, which is better by how much, and whether that is significant."""
    return "; ".join(_one(difference, whose) for difference in differences)


def _one(difference: Difference, whose: str) -> str:
    ours, theirs = figures(difference.ours, difference.theirs)
    gain, low, high = figures(difference.gain, difference.low, difference.high)
    if difference.gain == 0:
        finding = "equal"
    else:
        is_significant = significantly_worse([difference]) or significantly_better([difference])
        finding = f"{'better' if difference.gain > 0 else 'worse'}{'' if is_significant else ', not significantly'}"
    return (
        f"{difference.metric} {ours} against {whose}'s {theirs}: {finding} (gain {gain}, 95 % interval {low} to {high})"
    )


def _difference(metric: str, ours: float, theirs: float, gains: Floats, *, sign: int) -> Difference:
    low, high = np.nanquantile(gains, [0.025, 0.975])
    return Difference(metric, float(ours), float(theirs), float(sign * (ours - theirs)), float(low), float(high))


def _resamples(rows: int, units: Units, seed: int) -> Iterator[Floats]:
    """How often each row was drawn, resamples x rows, some resamples at a time."""
    draw = np.random.default_rng(seed)
    member = None if units is None else np.unique(units, return_inverse=True)[1]
    count = rows if member is None else int(member.max()) + 1
    step = max(1, CHUNK_CELLS // rows)
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = draw.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)
        yield drawn if member is None else drawn[:, member]


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
