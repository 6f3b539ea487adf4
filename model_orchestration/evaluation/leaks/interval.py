"""A figure with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

JACKKNIFE_GROUPS = 50
Z = 1.96  # of a 95 % interval

Rows = NDArray[Any]


class Figure(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval, from `low` to `high`."""

    value: float
    low: float
    high: float

    @property
    def complement(self) -> Figure:
        """What is left of one."""
        return Figure(1 - self.value, 1 - self.high, 1 - self.low)


def with_interval(measure: Callable[[Rows], float], rows: int, seed: int) -> Figure:
    """A figure of all rows with its 95 % interval by the grouped jackknife (Efron and Tibshirani 1993, chapter 11)."""
    value = measure(np.arange(rows))
    group = np.random.default_rng(seed).permutation(rows) % JACKKNIFE_GROUPS
    without = np.array([measure(np.flatnonzero(group != one)) for one in range(JACKKNIFE_GROUPS)])
    error = float(np.sqrt((JACKKNIFE_GROUPS - 1) * without.var()))
    return Figure(value, value - Z * error, value + Z * error)
