"""Simulated years of labelled predictions by two models, whose true quality is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tabular.quality.bounded_loss import bounded_losses

Floats = NDArray[np.float64]
Year = Callable[[np.random.Generator, int], Floats]
"""Draws the losses of the champion minus those of the challenger, n values from -1 to 1."""

BASE, SPREAD = -1.6, 1.8
"""Log-odds of the outcome: a sixth of the rows is positive, and a perfect model would have a ROC-AUC of 0.87."""

CHAMPION_NOISE = 0.8
"""The error of the champion's log-odds: ROC-AUC 0.83, Brier 0.116."""

ALIKE = 0.8
"""The correlation of both models' errors: they have learnt from much the same rows."""


def binary(challenger_noise: float, alike: float = ALIKE) -> Year:
    """Two classifiers; the challenger's log-odds have this error: less is better."""

    def draw(rng: np.random.Generator, rows: int) -> Floats:
        truth = rng.normal(BASE, SPREAD, rows)
        outcome = (rng.random(rows) < _expit(truth)).astype(np.float64)
        common, one, other = np.sqrt(alike) * rng.normal(size=rows), *(rng.normal(size=(2, rows)) * np.sqrt(1 - alike))
        scores = [_expit(truth + CHAMPION_NOISE * (common + one)), _expit(truth + challenger_noise * (common + other))]
        losses = [bounded_losses("binary", outcome, score) for score in scores]
        return np.asarray(losses[0] - losses[1])

    return draw


def regression(challenger_noise: float) -> Year:
    """Two regressions with heavy-tailed errors (Student, 3 degrees of freedom), clipped as they are in the shadow."""

    def draw(rng: np.random.Generator, rows: int) -> Floats:
        outcome, common = 2.0 * rng.standard_t(3, rows), rng.normal(size=rows)
        scores = [noise * (common + rng.normal(size=rows)) for noise in (1.0, challenger_noise)]
        largest = 4 * float(np.sqrt(4 * 3 + 2))  # of the champion's RMSE, as `largest_error` has it
        losses = [bounded_losses("regression", outcome, score, largest) for score in scores]
        return np.asarray(losses[0] - losses[1])

    return draw


def multiclass(challenger_noise: float) -> Year:
    """Two classifiers of three classes."""

    def draw(rng: np.random.Generator, rows: int) -> Floats:
        truth = rng.normal(0, 1.2, (rows, 3))
        outcome = np.argmax(truth + rng.gumbel(size=(rows, 3)), axis=1)
        common = rng.normal(size=(rows, 3))
        each = [truth + noise * (common + rng.normal(size=(rows, 3))) for noise in (0.5, challenger_noise)]
        odds = [np.exp(one - one.max(axis=1, keepdims=True)) for one in each]
        losses = [bounded_losses("multiclass", outcome, one / one.sum(axis=1, keepdims=True)) for one in odds]
        return np.asarray(losses[0] - losses[1])

    return draw


def _expit(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)))
