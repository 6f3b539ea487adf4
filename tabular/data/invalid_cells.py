"""The cells of a table that are not valid under its contract: an error that names them or, if it says so, rows less."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.encoding.values import listed
from tabular.errors import Fault, InvalidTable

MAX_FAULTS_SHOWN_PER_COLUMN = 5
MAX_FAULTS_LISTED = 1_000
LIKELY_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "#n/a", "<na>", "unknown"})
"""Cells that usually mean "not known"; they do so only if the contract says it."""


class DroppedRows(msgspec.Struct, frozen=True):
    """The rows of a table that were dropped because they are not valid under its contract.

    `count` of `rows` were; `faults` says why of the first ones, at most `MAX_FAULTS_LISTED`, by row.
    """

    count: int = 0
    rows: int = 0
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        """In one sentence, with the first reason."""
        were = "row was" if self.count == 1 else "rows were"
        first = f"; the first: {self.faults[0]}" if self.faults else ""
        return (
            f"{self.count:,} of {self.rows:,} {were} dropped as not valid under the contract "
            f'(on_invalid = "drop" in its [source]){first}'
        )


NONE_DROPPED = DroppedRows()


class InvalidCells:
    """Collects the invalid cells of a table column by column, and decides what becomes of their rows."""

    def __init__(self, contract: Contract, rows: int) -> None:
        self._contract = contract
        self._drops = contract.source.on_invalid == "drop"
        self.is_invalid = np.zeros(rows, dtype=bool)
        self._faults: list[Fault] = []
        self._listed: list[Fault] = []

    def add(self, column: str, raw: pd.Series[str], bad: pd.Series[bool], allowed: str, remedy: str) -> None:
        """Take the cells of a column that are not valid; `remedy` is for those that usually mean "not known"."""
        rows = np.flatnonzero(bad.to_numpy())
        if not len(rows):
            return
        self.is_invalid[rows] = True
        likely = [text for text in raw[bad].unique() if text.casefold() in LIKELY_MISSING or not text]
        allowed += remedy.format(listed([repr(text) for text in likely])) if likely else ""
        more = f" ({len(rows)} rows in all)" if len(rows) > MAX_FAULTS_SHOWN_PER_COLUMN else ""
        self._faults += [_fault(column, raw, row, allowed, more) for row in rows[:MAX_FAULTS_SHOWN_PER_COLUMN]]
        if self._drops:
            self._listed += [_fault(column, raw, row, allowed) for row in rows[:MAX_FAULTS_LISTED]]

    def dropped(self) -> DroppedRows:
        """The rows to drop; raises InvalidTable if the contract refuses them, or more than its share are invalid."""
        count, rows = int(self.is_invalid.sum()), len(self.is_invalid)
        most = self._contract.source.max_dropped_share
        message = f"the table breaks the contract {self._contract.table.name}"
        if count and not self._drops:
            raise InvalidTable(message, self._faults)
        if count > most * rows:
            too_many = Fault(
                "rows",
                f"are not valid in {count:,} of {rows:,} cases ({count / rows:.1%})",
                f"at most {most:.1%}, which are dropped: max_dropped_share in the contract's [source]",
            )
            raise InvalidTable(message, [too_many, *self._faults])
        in_order = sorted(self._listed, key=lambda fault: fault.row or 0)
        return DroppedRows(count, rows, tuple(in_order[:MAX_FAULTS_LISTED]))


def _fault(column: str, raw: pd.Series[str], row: int, allowed: str, more: str = "") -> Fault:
    return Fault(column, f"holds {raw.iloc[row]!r}{more}", allowed, raw.iloc[row], int(row) + 1)
