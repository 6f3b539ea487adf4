"""A table of several snapshots of one customer, made of a table with one row of each."""

from __future__ import annotations

import numpy as np

from tabular.contract.types import Contract
from tabular.data.table import CleanTable

EACH = 3
DRIFT = 0.1
"""By how many standard deviations every second number differs from snapshot to snapshot."""


def snapshots_of(contract: Contract, table: CleanTable, seed: int = 0) -> CleanTable:
    """Three rows of each of the first customers, as many rows as before; rows 3 k to 3 k + 2 are of customer k."""
    draw = np.random.default_rng(seed)
    rows = table.take(np.repeat(np.arange(len(table) // EACH), EACH))
    features = rows.features.reset_index(drop=True)
    numbers = [feature.name for feature in contract.features if feature.is_numeric]
    for name in numbers[::2]:
        values = features[name].astype("float64")
        features[name] = values + draw.normal(0, DRIFT, len(values)) * values.std()
    return CleanTable(features, rows.target.reset_index(drop=True), rows.raw_target.reset_index(drop=True))
