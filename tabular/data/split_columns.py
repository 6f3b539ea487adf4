"""The columns of the source that say how a table is split: when each row was, and to which group it belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tabular.contract.types import Contract

TIME_ALLOWED = "an ISO 8601 date or timestamp, or a number, in every row, for split.time_column orders the rows by it"
GROUP_ALLOWED = "the name of its group in every row, for split.group_column keeps the rows of a group together"


@dataclass(frozen=True)
class SplitColumn:
    """One column that was read for the split; `bad` marks the rows that cannot be read."""

    column: str
    values: pd.Series[Any]
    bad: pd.Series[bool]
    allowed: str


def read_times(contract: Contract, raw: pd.DataFrame) -> SplitColumn | None:
    """When each row was, as a number that rises with time: seconds since 1970 of dates; None without a time column."""
    column = contract.split.time_column
    if column is None:
        return None
    times = times_of(raw[column].mask(raw[column].map(contract.is_missing)))
    return SplitColumn(column, times, times.isna(), TIME_ALLOWED)


def read_groups(contract: Contract, raw: pd.DataFrame) -> SplitColumn | None:
    """The group of each row, as text; None without a group column."""
    column = contract.split.group_column
    if column is None:
        return None
    return SplitColumn(column, raw[column].astype("str"), raw[column].map(contract.is_missing), GROUP_ALLOWED)


def times_of(cells: pd.Series[Any]) -> pd.Series[float]:
    """Cells as float64: themselves where all are numbers, else the seconds since 1970 of ISO 8601; NaN for neither.

    A timestamp without a zone counts as UTC.
    """
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    if numbers.notna().sum() == cells.notna().sum():
        return numbers.where(np.isfinite(numbers))
    dates = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    seconds = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds.astype("float64")
