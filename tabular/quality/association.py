"""How closely two columns go together, whatever their kinds: Cramér's V of their bins, corrected for its bias.

0 is independence, 1 is that each tells the other. It sees a bend as well as a line, and says no direction. The
correction is that of W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T" (2013): without it two unrelated
columns of many bins would seem to go together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NUMBER_BINS = 10
MAX_CATEGORIES = 20
MISSING_BIN = "(missing)"
OTHERS_BIN = "(others)"


class Binned(NamedTuple):
    """The bin of each row, by its position among the names."""

    bins: NDArray[np.int64]
    names: tuple[str, ...]


def binned_numbers(values: pd.Series[Any], digits: int = 4) -> Binned:
    """Ten bins of about as many rows each, fewer where values repeat, and one more for missing values."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    is_there = np.isfinite(numbers)
    known = numbers[is_there]
    inner = (
        np.unique(np.quantile(known, np.linspace(0, 1, NUMBER_BINS + 1)[1:-1], method="lower"))
        if known.size
        else np.array([])
    )
    inner = inner[inner < known.max(initial=-np.inf)]
    bins = np.full(len(numbers), len(inner) + 1, dtype=np.int64)
    bins[is_there] = np.searchsorted(inner, known, side="left")
    ends = [f"{edge:.{digits}g}" for edge in inner]
    names = [f"to {ends[0]}", *(f"to {end}" for end in ends[1:]), f"above {ends[-1]}"] if ends else ["all"]
    return _without_empty(Binned(bins, (*names, MISSING_BIN)))


def binned_categories(values: pd.Series[Any]) -> Binned:
    """A bin for each of the most frequent categories, one for all others and one for missing values."""
    counts = values.value_counts()
    kept = [str(name) for name in counts.index[:MAX_CATEGORIES]]
    at = {name: position for position, name in enumerate(kept)}
    found = np.array(values.map(at).fillna(len(kept)), dtype=np.int64)
    found[values.isna().to_numpy()] = len(kept) + 1
    return _without_empty(Binned(found, (*kept, OTHERS_BIN, MISSING_BIN)))


def association(first: Binned, second: Binned) -> float:
    """The corrected Cramér's V of two columns of the same rows; 0 where one of them has one bin only."""
    table = np.bincount(first.bins * len(second.names) + second.bins, minlength=len(first.names) * len(second.names))
    table = table.reshape(len(first.names), len(second.names)).astype(np.float64)
    rows, (down, across) = table.sum(), table.shape
    if min(down, across) < 2 or rows < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / rows
    squared = float(((table - expected) ** 2 / expected).sum() / rows)
    corrected = max(0.0, squared - (down - 1) * (across - 1) / (rows - 1))
    sides = [side - (side - 1) ** 2 / (rows - 1) for side in (down, across)]
    return float(np.sqrt(corrected / max(min(sides) - 1, 1e-12)))


def _without_empty(found: Binned) -> Binned:
    counts = np.bincount(found.bins, minlength=len(found.names))
    kept = np.flatnonzero(counts)
    position = np.zeros(len(counts), dtype=np.int64)
    position[kept] = np.arange(len(kept))
    return Binned(position[found.bins], tuple(found.names[at] for at in kept))
