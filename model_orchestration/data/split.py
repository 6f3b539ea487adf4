"""A table cut in three: train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tabular.data.table import CleanTable

TEST_SHARE = 0.2
VALIDATION_SHARE_OF_REST = 0.25  # of the other 80 %: 60/20/20 in all

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The three parts of a table; they share no row and together hold every row."""

    train: CleanTable
    validation: CleanTable
    test: CleanTable


def split(table: CleanTable, seed: int) -> Split:
    """Cut a table 60/20/20 by seed, keeping the share of each class in every part (a regression has none to keep).

    The same table and seed give the same parts.
    """
    rest, test = _cut(table, np.arange(len(table)), TEST_SHARE, seed)
    train, validation = _cut(table, rest, VALIDATION_SHARE_OF_REST, seed)
    return Split(table.take(train), table.take(validation), table.take(test))


def _cut(table: CleanTable, rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    classes = table.target.to_numpy()[rows] if table.has_classes else None
    rest, part = train_test_split(rows, test_size=share, random_state=seed, stratify=classes)
    return rest, part
