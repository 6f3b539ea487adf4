"""Rows of equal content in two parts of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split
from tabular.data.rows.hashes import Hashes, row_hashes
from tabular.data.table import CleanTable


def identical_rows(split: Split) -> int:
    """How many test rows have the content of a training row: natural where few values exist, so it rejects nothing."""
    return int(are_among(split.test, split.train).sum())


def are_among(table: CleanTable, others: CleanTable) -> NDArray[np.bool_]:
    """Which rows of a table have the content of a row of another, in every feature and the target."""
    found: NDArray[np.bool_] = np.isin(_contents(table), _contents(others))
    return found


def _contents(table: CleanTable) -> Hashes:
    return row_hashes([*(table.features[name] for name in table.features), table.target])
