"""From the bytes of a CSV to its header and rows of text: strictly, so that no cell is made up and no row is lost.

Python's own reader, because pandas fills the cells that a cut or broken row lacks without a word.
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabular.csv_quotes import LongRecord, swallowed_rows
from tabular.errors import Fault, InvalidTable

if TYPE_CHECKING:
    import _csv

MAX_FAULTS_SHOWN = 5
MAX_HEADER_CHARACTERS_SHOWN = 80
NO_TABLE = "the file is not a CSV table. Check the separator, and whether it was cut"

Row = list[str]


def header_and_rows(body: bytes) -> tuple[Row, list[Row]]:
    """The header and the rows of a CSV, spaces around names and cells cut; raises InvalidTable."""
    rows, long_records = _read(_text(body))
    if not rows:
        raise InvalidTable("the file is empty")
    if long_records and (faults := _swallowed(rows, long_records)):
        raise InvalidTable("rows are lost in quotes that do not belong there", faults)
    header, *rows = rows
    if faults := _shape_faults(header, rows):
        raise InvalidTable(NO_TABLE, faults)
    return header, rows


def header_of(body: bytes) -> Row:
    """The header alone, of a CSV that can be read."""
    return [name.strip() for name in next(filter(None, _cells(_text(body))), [])]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidTable(f"the file is not text in UTF-8: {error}. Check the upload") from error


def _cells(text: str) -> _csv.Reader:
    return csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)


def _read(text: str) -> tuple[list[Row], dict[int, LongRecord]]:
    """Every record that is not blank, and those of several lines as they were written, by position."""
    lines = _cells(text)
    rows: list[Row] = []
    long_records = {}
    first_line = 1
    try:
        for row in lines:
            if lines.line_num > first_line:
                long_records[len(rows)] = LongRecord(row, first_line, lines.line_num)
            if row:
                rows.append([cell.strip() for cell in row])
            first_line = lines.line_num + 1
    except csv.Error as error:
        where = f"line {first_line}"
        if lines.line_num > first_line:
            where = f"lines {first_line} to {lines.line_num}, which a quote makes one row"
        why = f"{where}: {error}. Check the separator, stray quotes, and whether it was cut"
        raise InvalidTable(f"the file is not a CSV table: {why}") from error
    return rows, long_records


def _swallowed(rows: Sequence[Row], long_records: dict[int, LongRecord]) -> list[Fault]:
    widths = [len(row) for at, row in enumerate(rows) if at not in long_records] or [len(rows[0])]
    return swallowed_rows(list(long_records.values()), rows[1:], statistics.mode(widths))


def _shape_faults(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Fault]:
    if len(header) == 1 and (separator := next((mark for mark in ";\t|" if mark in header[0]), None)):
        return [Fault("separator", f"is {separator!r}", "','", header[0][:MAX_HEADER_CHARACTERS_SHOWN])]
    twice = sorted({name for name in header if header.count(name) > 1})
    faults = [Fault(name, "stands more than once in the header", "one column of each name", name) for name in twice]
    ragged = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    more = f" ({len(ragged)} rows in all)" if len(ragged) > MAX_FAULTS_SHOWN else ""
    return faults + [
        Fault("cells", f"are {len(rows[number - 1])}{more}", f"{len(header)}, as in the header", None, number)
        for number in ragged[:MAX_FAULTS_SHOWN]
    ]
