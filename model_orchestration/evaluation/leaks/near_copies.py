"""Columns that say the same: what one of them brings to a model shows only when all of them are taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabular.encoding.row import Matrix
from tabular.quality.metrics import Floats

MIN_RANK_CORRELATION = 0.98
MAX_COLUMNS = 2_000
"""Of a wider table only the first columns are compared with one another: the work grows with their square."""


def near_copies(inputs: Matrix) -> Sequence[Sequence[int]]:
    """For each column of n x k inputs the positions of those that order the rows as it does, its own among them.

    That is a correlation of ranks of 0.98 or more, in either direction, missing values being in the middle.
    """
    ranks = np.column_stack([_ranks(column) for column in inputs[:, :MAX_COLUMNS].T])
    sizes = np.sqrt((ranks**2).sum(axis=0))
    scaled = ranks / np.where(sizes > 0, sizes, 1)
    alike = np.abs(scaled.T @ scaled) >= MIN_RANK_CORRELATION
    np.fill_diagonal(alike, val=True)
    found = [np.flatnonzero(row).tolist() for row in alike]
    return [*found, *([at] for at in range(MAX_COLUMNS, inputs.shape[1]))]


def _ranks(column: Matrix) -> Floats:
    """The ranks of the values around their mean, which missing values have."""
    from scipy.stats import rankdata

    ranks = np.zeros(len(column))
    is_there = ~np.isnan(column)
    if is_there.any():
        found = rankdata(column[is_there])
        ranks[is_there] = found - found.mean()
    return ranks
