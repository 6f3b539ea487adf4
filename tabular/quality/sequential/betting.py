"""Bets that a mean is above a number: a capital that stays small, however often one looks, while it is not.

Each value x of at least -1 multiplies the capital by 1 + b (x - m) for a bet b between 0 and 1 / (1 + m). If the mean
of each value, given those before it, is at most m, the capital is a supermartingale, and by Ville's inequality (1939)
it ever reaches 1 / alpha with a probability of at most alpha. The capital here is the mean over BETS, for which bet is
the best is not known before. Estimating means of bounded random variables by betting: Waudby-Smith and Ramdas, Journal
of the Royal Statistical Society B 86 (2024).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabular.quality.interval import Interval

Floats = NDArray[np.floating[Any]]

BETS = np.geomspace(0.002, 0.95, 12)
"""Shares of the largest bet that cannot lose everything; the best one is near the mean over the variance."""

PRECISION = 1e-5


def log_capital(values: Floats, mean: float = 0.0) -> Floats:
    """The logarithm of the capital after each value, of who bets that their mean is above this one; n numbers.

    `values` are at least -1, in the order in which they became known, which nothing in them may have decided.
    """
    stakes = BETS / (1 + mean)
    each = np.cumsum(np.log1p(stakes[:, None] * (np.asarray(values, dtype=np.float64) - mean)), axis=1)
    return np.asarray(np.logaddexp.reduce(each, axis=0) - math.log(len(BETS)))


def first_above(values: Floats, alpha: float, mean: float = 0.0) -> int | None:
    """After how many values it is certain that their mean is above this one, but for a probability of `alpha`."""
    reached = log_capital(values, mean) >= -math.log(alpha)
    return int(reached.argmax()) + 1 if reached.any() else None


def confidence_sequence(values: Floats, alpha: float = 0.05) -> Interval:
    """Where the mean of values from -1 to 1 is: wrong at any time, ever, with a probability of at most `alpha`."""
    if not len(values):
        return Interval(-1.0, 1.0)
    values = np.asarray(values, dtype=np.float64)
    return Interval(_lower(values, alpha / 2), -_lower(-values, alpha / 2))


def _lower(values: Floats, alpha: float) -> float:
    """The largest mean that the bets rule out, by bisection: the capital falls as the mean bet against rises."""
    low, high = -1.0 + PRECISION, 1.0
    while high - low > PRECISION:
        middle = (low + high) / 2
        is_ruled_out = first_above(values, alpha, middle) is not None
        low, high = (middle, high) if is_ruled_out else (low, middle)
    return low if low > -1 + 2 * PRECISION else -1.0
