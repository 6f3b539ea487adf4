"""Which calibration a model gets: the one with the least log loss on rows that it was not fitted on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Task
from tabular.model.calibration import METHODS, NO_CALIBRATION, Calibration, Method
from tabular.quality.calibration.fitting import fitted
from tabular.quality.metrics import Floats, row_losses

FOLDS = 5
FEW_ROWS = 20
"""With fewer rows of a class, or outside of it, nothing is fitted: so few add more error than they take away."""
MAX_ROWS = 20_000
"""More rows add nothing that can be seen, and every trial of a sweep is calibrated."""


def chosen(task: Task, target: Floats, scores: Floats, seed: int = 0) -> Calibration:
    """The calibration of a model by scored rows that it was not fitted on; none for a regression, or few rows.

    The method is that with the least `out_of_fold_losses`, of equals the simplest; it is then fitted on all rows, or on
    `MAX_ROWS` of them drawn by the seed.
    """
    target, scores = _enough(target, scores, seed)
    if task == "regression" or rarest_class_rows(task, target, scores) < FEW_ROWS:
        return NO_CALIBRATION
    losses = out_of_fold_losses(task, target, scores, seed)
    return fitted(min(METHODS, key=losses.__getitem__), target, scores)


def out_of_fold_losses(task: Task, target: Floats, scores: Floats, seed: int = 0) -> Mapping[Method, float]:
    """The mean log loss of each method, each row by what was fitted on the other folds; these have the same classes."""
    folds = _folds(target, seed)
    found = {}
    for method in METHODS:
        losses = np.empty(len(target))
        for fold in range(FOLDS):
            held_out = folds == fold
            calibration = fitted(method, target[~held_out], scores[~held_out])
            losses[held_out] = row_losses(task, target[held_out], calibration.many(scores[held_out]))
        found[method] = float(losses.mean())
    return found


def _folds(target: Floats, seed: int) -> NDArray[np.int64]:
    """The fold of each row: drawn by the seed, with the classes dealt out evenly."""
    shuffled = np.random.default_rng(seed).permutation(len(target))
    order = shuffled[np.argsort(target[shuffled], kind="stable")]
    folds = np.empty(len(target), dtype=np.int64)
    folds[order] = np.arange(len(target)) % FOLDS
    return folds


def _enough(target: Floats, scores: Floats, seed: int) -> tuple[Floats, Floats]:
    if len(target) <= MAX_ROWS:
        return target, scores
    rows = np.random.default_rng(seed).choice(len(target), MAX_ROWS, replace=False)
    return target[rows], scores[rows]


def rarest_class_rows(task: Task, target: Floats, scores: Floats) -> int:
    """The rows of the rarest class, or outside of the most frequent one if these are fewer."""
    counts = np.bincount(target.astype(np.int64), minlength=2 if task == "binary" else scores.shape[1])
    return int(min(counts.min(), len(target) - counts.max()))
