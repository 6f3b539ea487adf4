"""The rows that a simulator sends, on disk: a simulator runs for days, and its memory is to be that of one row.

A process of its own (`table_rows.py`) reads the table, for which it takes the memory, and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Sequence
from typing import IO, Any

import msgspec

from tabular.errors import Rejected

Record = dict[str, Any]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: the features as a request has them, its true outcome, and its business key, if it has one.

    `number` is its place among the rows.
    """

    number: int
    record: Record
    outcome: str | float
    business_key: str | None = None


class RowFile(Sequence[Row]):
    """The rows in a file, one JSON object a line; a row is read when it is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offsets = array("Q", [0])
        file.seek(0)
        for line in file:
            self._offsets.append(self._offsets[-1] + len(line))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, at: Any) -> Any:
        begin, end = self._offsets[at], self._offsets[at + 1]
        return msgspec.json.decode(os.pread(self._file.fileno(), end - begin, begin), type=Row)


def table_rows(table: str) -> RowFile:
    """The rows of the latest version of a table of the stack; raises Rejected with the reason if there are none."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is read for as long as the simulator runs
    command = [sys.executable, "-m", "simulation_business.table_rows", "--table", table]
    done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Rejected(done.stderr.decode(errors="replace").strip() or f"reading the rows of {table} failed")
    return RowFile(file)
