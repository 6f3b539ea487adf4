"""Fits a calibration on scored rows that the model was not fitted on.

Targets are codes: 1 for the positive class, or the position of the class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tabular.model.calibration import NO_CALIBRATION, Calibration, Curve, Doubles, Method
from tabular.quality.metrics import SMALLEST_PROBABILITY, Floats

LOG_ODDS = np.arange(-16.0, 16.1, 0.125)
"""Where a Platt curve has its knots: between them the straight line is off by less than 0.3 % of the probability."""

SLOPES, INTERCEPTS = (0.01, 20.0), (-50.0, 50.0)
"""The bounds of Platt's two numbers: within them no probability is 0, and none falls as the score rises."""

MOST_STEPS, SMALLEST_STEP, SMALLEST_GAIN, RIDGE = 50, 1e-9, 1e-10, 1e-9
"""Of Newton's method; the ridge is for scores that are all equal."""

END = 0.01
"""The first and the last straight line cover this share of what is left to 0 and 1, so that unequal scores stay so."""


def fitted(method: Method, target: Floats, scores: Floats) -> Calibration:
    """The calibration of n scores (binary), or n x classes, each class against the rest."""
    if method == "none":
        return NO_CALIBRATION
    fit = _FITS[method]
    if scores.ndim == 1:
        return Calibration(method, (fit(target == 1, scores.astype(np.float64)),))
    columns = enumerate(scores.astype(np.float64).T)
    return Calibration(method, tuple(fit(target == code, column) for code, column in columns))


def platt(is_positive: NDArray[np.bool_], scores: Doubles) -> Curve:
    """Platt's scaling of the log-odds of the scores, with his targets, which keep few rows from being certain.

    "Probabilistic outputs for support vector machines", 1999. Its curve is kept as knots.
    """
    slope, intercept = _slope_and_intercept(is_positive, scores)
    knots, probabilities = _sigmoid(LOG_ODDS), _sigmoid(slope * LOG_ODDS + intercept)
    return _with_ends(knots, probabilities)


def isotonic(is_positive: NDArray[np.bool_], scores: Doubles) -> Curve:
    """Isotonic regression (Zadrozny and Elkan, KDD 2002), its blocks joined at their mean scores.

    That is the centred one of Oron and Flournoy (2017): it rises everywhere, where steps make unequal scores equal.
    """
    from scipy.optimize import isotonic_regression

    levels, member, counts = np.unique(scores, return_inverse=True, return_counts=True)
    shares = np.bincount(member, is_positive, len(levels)) / counts
    starts = isotonic_regression(shares, weights=counts).blocks[:-1]
    rows = np.add.reduceat(counts, starts)
    centres = np.add.reduceat(levels * counts, starts) / rows
    return _with_ends(centres, _possible(np.add.reduceat(shares * counts, starts) / rows, rows))


def _slope_and_intercept(is_positive: NDArray[np.bool_], scores: Doubles) -> tuple[float, float]:
    """The two numbers with the least log loss, by Newton's method with halved steps (Lin, Lin and Weng 2007)."""
    odds = _log_odds(scores)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    wanted = np.where(is_positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([odds, np.ones_like(odds)])

    def loss(numbers: Doubles) -> float:
        margins = numbers @ design
        return float(np.mean(np.logaddexp(0.0, margins) - wanted * margins))

    numbers, least = np.array([1.0, 0.0]), loss(np.array([1.0, 0.0]))
    for _ in range(MOST_STEPS):
        found = _sigmoid(numbers @ design)
        curvature = (design * (found * (1 - found))) @ design.T + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, design @ (found - wanted))
        while (new := loss(numbers - step)) > least and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        if least - new < SMALLEST_GAIN:
            break
        numbers, least = numbers - step, new
    slope = float(np.clip(numbers[0], *SLOPES))
    if slope != numbers[0]:  # the scores say nothing, or the opposite: the share of the class for all
        share = float(wanted.mean())
        numbers[1] = np.log(share / (1 - share)) - slope * odds.mean()
    return slope, float(np.clip(numbers[1], *INTERCEPTS))


def _possible(shares: Doubles, rows: NDArray[np.int64]) -> Doubles:
    """Shares of which none is 0 or 1: where no row of a block is positive, half a row counts as such, and so at 1.

    (The prior of Jeffreys.) It stays below, or above, half of the way to the next block.
    """
    shares, last = shares.copy(), len(shares) - 1
    if shares[0] == 0:
        half = 0.5 / (rows[0] + 1)
        shares[0] = min(half, shares[1] / 2) if last else half
    if shares[last] == 1:
        half = 0.5 / (rows[last] + 1)
        shares[last] = 1 - (min(half, (1 - shares[last - 1]) / 2) if last else half)
    return shares


def _with_ends(knots: Doubles, probabilities: Doubles) -> Curve:
    inside = (knots > 0) & (knots < 1)
    first, last = float(probabilities[0]), float(probabilities[-1])
    return Curve(
        (0.0, *knots[inside].tolist(), 1.0),
        (first - END * first, *probabilities[inside].tolist(), last + END * (1 - last)),
    )


def _log_odds(scores: Doubles) -> Doubles:
    bounded = np.clip(scores, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(np.log(bounded / (1 - bounded)), dtype=np.float64)


def _sigmoid(margins: Doubles) -> Doubles:
    return np.asarray(np.exp(-np.logaddexp(0.0, -margins)), dtype=np.float64)


_FITS: dict[Method, Callable[[NDArray[np.bool_], Doubles], Curve]] = {"platt": platt, "isotonic": isotonic}
