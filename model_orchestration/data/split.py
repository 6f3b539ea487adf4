"""A table split in three: train, validation and test, as the contract's `[split]` says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from model_orchestration.data.group_split import grouped_parts, parts_of_straddling_groups
from tabular.contract.split_rules import SplitRules
from tabular.data.table import CleanTable
from tabular.errors import InvalidTable

TRAIN, VALIDATION, TEST = 0, 1, 2
PART_NAMES = ("train", "validation", "test")

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The three parts of a table; they share no row, and together hold every row but `left_out` of them.

    Rows are left out only where a group lies across the points in time at which the parts are cut.
    """

    train: CleanTable
    validation: CleanTable
    test: CleanTable
    left_out: int = 0


def split(table: CleanTable, seed: int, rules: SplitRules | None = None) -> Split:
    """Split a table by its times if it has any, else by seed; rows of one group stay together.

    Without times each part has the same shares of the classes (a regression has none). The same table, seed and rules
    give the same parts. Raises InvalidTable if a part would have no row, or none of a class.
    """
    shares = (rules or SplitRules()).shares
    if table.times is not None:
        part = _parts_by_time(np.asarray(table.times, dtype=np.float64), shares)
        if table.groups is not None:
            part = parts_of_straddling_groups(part, table.groups.to_numpy(), seed)
    elif table.groups is not None:
        part = grouped_parts(table.groups.to_numpy(), classes_of(table), shares, seed)
    else:
        return _by_seed(table, seed, shares)
    parts = [table.take(np.flatnonzero(part == each)) for each in (TRAIN, VALIDATION, TEST)]
    for name, rows in zip(PART_NAMES, parts, strict=True):
        _require_rows(name, rows, table)
    return Split(parts[TRAIN], parts[VALIDATION], parts[TEST], left_out=int((part < 0).sum()))


def joined(parts: Split) -> CleanTable:
    """The rows of all parts together, in the order of the file."""
    tables = (parts.train, parts.validation, parts.test)

    def column(name: str) -> Any:
        pieces = [getattr(table, name) for table in tables]
        return None if pieces[0] is None else pd.concat(pieces).sort_index()

    return CleanTable(*map(column, ("features", "target", "raw_target", "times", "groups")))


def _by_seed(table: CleanTable, seed: int, shares: tuple[float, float, float]) -> Split:
    train_share, validation_share, test_share = shares
    rest, test = two_parts(table, np.arange(len(table)), test_share, seed)
    train, validation = two_parts(table, rest, validation_share / (train_share + validation_share), seed)
    return Split(table.take(train), table.take(validation), table.take(test))


def two_parts(table: CleanTable, rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """These rows without a share of them, and that share, drawn by seed with the same shares of the classes."""
    classes = table.target.to_numpy()[rows] if table.has_classes else None
    size = math.ceil(round(share * len(rows), 6))  # rounded, for a share of a share has an error in its last digits
    rest, part = train_test_split(rows, test_size=size, random_state=seed, stratify=classes)
    return rest, part


def classes_of(table: CleanTable) -> Rows:
    """The class of each row; one class of all rows for a regression."""
    return table.target.to_numpy().astype(np.int64) if table.has_classes else np.zeros(len(table), dtype=np.int64)


def _parts_by_time(times: NDArray[np.float64], shares: tuple[float, float, float]) -> Rows:
    """The part of each row: cut where the shares say, or at the nearest moment where no two rows are of one time."""
    moments, counts = np.unique(times, return_counts=True)
    before = np.r_[0, np.cumsum(counts)]  # rows before each moment, and all of them
    wanted = np.cumsum(shares)[:2] * len(times)
    first, second = (int(np.argmin(np.abs(before - rows))) for rows in wanted)
    at = np.searchsorted(moments, times)
    return (at >= first).astype(np.int64) + (at >= second)


def _require_rows(name: str, part: CleanTable, table: CleanTable) -> None:
    """Raises InvalidTable for a part without rows, or without rows of a class."""
    lacks = "" if len(part) else "row"
    if not lacks and table.has_classes:
        absent = sorted({*table.raw_target} - {*part.raw_target})
        lacks = f"row of the class {absent[0]!r}" if absent else ""
    if lacks:
        column = "split.time_column" if table.times is not None else "split.group_column"
        raise InvalidTable(
            f"the {name} part would have no {lacks} if the table was split by {column}: change split.shares, name "
            "another column, or take it out of the contract"
        )
