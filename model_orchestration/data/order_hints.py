"""Columns by which rows may be ordered in time, where the contract names none: they are pointed out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.data.split_columns import times_of
from tabular.encoding.values import listed

LOOKED_AT_ROWS = 1_000
LEAST_DIFFERENT = 10
DATE_SHARE = 0.95
REMEDY = (
    "If the model is to score rows that come later than those it is trained on, name the column in split.time_column: "
    "a split by seed tests on rows from among the training rows, which can score far better than the future will"
)


def order_warnings(contract: Contract, raw: pd.DataFrame) -> list[str]:
    """One warning that names the columns of dates, and those in whose order the rows lie; none with a time column."""
    if contract.split.time_column is not None:
        return []
    others = [name for name in raw.columns if name not in contract.target.columns]
    dates = [name for name in others if _has_dates(contract, raw[name])]
    ordered = [name for name in others if name not in dates and _is_rising(raw[name])]
    found = [f"{listed(dates)} holds dates"] if dates else []
    found += [f"the rows lie in the order of {listed(ordered)}"] if ordered else []
    return [f"{', and '.join(found)}. {REMEDY}"] if found else []


def _has_dates(contract: Contract, cells: pd.Series[Any]) -> bool:
    known = cells[~cells.head(LOOKED_AT_ROWS).map(contract.is_missing).reindex(cells.index, fill_value=True)]
    if known.nunique() < LEAST_DIFFERENT or pd.to_numeric(known, errors="coerce").notna().any():
        return False
    return float(times_of(known).notna().mean()) >= DATE_SHARE


def _is_rising(cells: pd.Series[Any]) -> bool:
    """True for numbers that never fall from row to row, other than a row number."""
    if not np.isfinite(pd.to_numeric(cells.head(LOOKED_AT_ROWS), errors="coerce")).all():
        return False
    steps = np.diff(pd.to_numeric(cells, errors="coerce").to_numpy(np.float64))
    return bool(len(steps) > LEAST_DIFFERENT and (steps >= 0).all() and len(np.unique(steps)) > 1 and steps.any())
