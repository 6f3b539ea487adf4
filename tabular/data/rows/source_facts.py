"""What the data checks need of a file's cells beyond its clean rows: rows that repeat, columns of dates or in order.

It is found when the cells are read, and kept with the clean rows, so that a check of those reads no text.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.data.rows.arrow_cells import arrow_cells
from tabular.data.rows.hashes import mixed, salts
from tabular.data.rows.split_hints import MaybeGroup, MaybeTime, maybe_groups, maybe_times
from tabular.data.split_columns import times_of

MAX_REPEATS_LISTED = 5
LOOKED_AT_ROWS = 1_000
LEAST_DIFFERENT = 10
DATE_SHARE = 0.95
MAX_ROW_STEP = 2.0

Bools = NDArray[np.bool_]
Codes = NDArray[np.int32]


class Repeat(msgspec.Struct, frozen=True):
    """A row of the file, from 0, that repeats an earlier one, and its id, None where rows are compared whole."""

    row: int
    id: str | None = None


class SourceFacts(msgspec.Struct, frozen=True):
    """What is known of the cells of a file that has so many `rows`.

    `compared_rows` of them were looked at for repeats (those that the contract trains on, all of a table that breaks
    it), by the id column or, if the file has none (`has_ids`), whole; the first of the `repeated_rows` are `repeats`.
    `dates` are the columns that hold dates, `ordered` those in whose order the rows lie, but the target's and those
    that the contract's split names; `times` are what some of them say of some rows, and `groups` the columns that may
    name what several rows belong to.
    """

    rows: int
    compared_rows: int
    has_ids: bool
    repeated_rows: int
    repeats: tuple[Repeat, ...]
    dates: tuple[str, ...]
    ordered: tuple[str, ...]
    times: tuple[MaybeTime, ...]
    groups: tuple[MaybeGroup, ...]


def source_facts(contract: Contract, cells: pd.DataFrame, kept: pd.Index | None = None) -> SourceFacts:
    """The facts of the cells of a file; `kept` names the rows that the contract trains on, if not all."""
    compared = cells if kept is None or len(kept) == len(cells) else cells.loc[kept]
    ids = compared[contract.table.id_column] if contract.table.id_column in cells.columns else None
    is_repeat = repeated_rows(compared) if ids is None else repeated_ids(ids)
    rows = np.flatnonzero(is_repeat)[:MAX_REPEATS_LISTED].tolist()
    others = (
        []
        if contract.split.time_column
        else _without(cells, *contract.target.columns, *contract.split.not_time_columns)
    )
    dates = tuple(name for name in others if _has_dates(contract, cells[name]))
    ordered = tuple(name for name in others if name not in dates and _is_rising(cells[name]))
    return SourceFacts(
        rows=len(cells),
        compared_rows=len(compared),
        has_ids=ids is not None,
        repeated_rows=int(is_repeat.sum()),
        repeats=tuple(Repeat(int(compared.index[at]), None if ids is None else ids.iloc[at]) for at in rows),
        dates=dates,
        ordered=ordered,
        times=maybe_times(contract, cells, (*dates, *ordered), compared.index),
        groups=maybe_groups(contract, cells, compared.index),
    )


def _without(cells: pd.DataFrame, *names: str) -> list[str]:
    return [name for name in cells.columns if name not in names]


def repeated_ids(ids: pd.Series[str]) -> Bools:
    """Which ids stand in an earlier row, too; an empty one is none."""
    return _is_repeat(_codes(ids)) & (ids != "").to_numpy()


def repeated_rows(cells: pd.DataFrame) -> Bools:
    """Which rows are equal to an earlier one in every cell."""
    hashes = np.zeros(len(cells), dtype=np.uint64)
    for salt, name in zip(salts(cells.shape[1]), cells.columns, strict=True):
        hashes += mixed(_codes(cells[name]).astype(np.uint64) + salt)
    # Equal rows have equal hashes; whether rows of equal hashes are equal is for their cells to say.
    _, position, count = np.unique(hashes, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(count[position] > 1)
    is_repeat = np.zeros(len(cells), dtype=bool)
    is_repeat[candidates] = cells.iloc[candidates].duplicated()
    return is_repeat


def _codes(cells: pd.Series[str]) -> Codes:
    """A number for each different cell, rising in the order of their first appearance."""
    codes: Codes = arrow_cells(cells).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return codes


def _numbers(cells: pd.Series[Any]) -> NDArray[np.float64]:
    """The cells as numbers, NaN where they are none."""
    try:
        numbers: NDArray[np.float64] = arrow_cells(cells).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    return numbers


def _is_repeat(codes: Codes) -> Bools:
    highest = np.maximum.accumulate(codes)
    is_repeat = np.ones(len(codes), dtype=bool)
    is_repeat[:1] = False
    is_repeat[1:] = codes[1:] <= highest[:-1]
    return is_repeat


def _has_dates(contract: Contract, cells: pd.Series[Any]) -> bool:
    known = cells.head(LOOKED_AT_ROWS)
    known = known[~known.map(contract.is_missing)]
    if known.nunique() < LEAST_DIFFERENT or pd.to_numeric(known, errors="coerce").notna().any():
        return False
    return float(times_of(known).notna().mean()) >= DATE_SHARE


def _is_rising(cells: pd.Series[Any]) -> bool:
    """True for numbers that never fall from row to row, other than a row number, of this file or a longer one."""
    # Nearly every column has fallen, or held a text, before all of it was looked at.
    first = _numbers(cells.head(LOOKED_AT_ROWS))
    if not np.isfinite(first).all() or (np.diff(first) < 0).any():
        return False
    steps = np.diff(_numbers(cells))
    is_rising = len(steps) > LEAST_DIFFERENT and (steps >= 0).all() and len(np.unique(steps)) > 1 and steps.any()
    return bool(is_rising) and not _counts_rows(steps)


def _counts_rows(steps: NDArray[np.float64]) -> bool:
    """True for the steps of row numbers of a file of which no more than every second row was left out."""
    is_counting = (steps >= 1).all() and (steps == np.floor(steps)).all()
    return bool(is_counting) and float(steps.mean()) <= MAX_ROW_STEP
