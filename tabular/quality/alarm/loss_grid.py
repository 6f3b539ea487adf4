"""Bounded losses in 33 numbers, by which they are kept and bet on: how many rows have each loss of a grid."""

from __future__ import annotations

import numpy as np

from tabular.quality.metrics import Floats

GRID: Floats = (np.arange(33) / 32) ** 2
"""33 losses from 0 to 1 whose square roots, which are differences of probabilities, are evenly apart."""


def counts_on_grid(losses: Floats) -> Floats:
    """How many rows have each loss of GRID: 33 numbers; a row between two of them counts in parts at both.

    The parts are such that the mean stays what it was. The mean of a concave function of the losses, and the logarithm
    of what a bet pays is one, is no larger by these counts than by the rows: so they promise no more than the rows do.
    """
    above = np.clip(np.searchsorted(GRID, losses, side="left"), 1, len(GRID) - 1)
    share = (losses - GRID[above - 1]) / (GRID[above] - GRID[above - 1])
    counts = np.bincount(above, share, len(GRID)) + np.bincount(above - 1, 1 - share, len(GRID))
    return np.asarray(counts, dtype=np.float64)
