"""What the beginning of a CSV says of all of it: the names of its columns, and where its first row begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from tabular.contract.source import Separator
from tabular.data.formats.csv_cells import NO_TABLE, check_kind, strict_reader
from tabular.data.formats.csv_header import Row, header_fault, name_at, without_trailing
from tabular.data.formats.separator import SAMPLED_CHARACTERS, SAMPLED_RECORDS
from tabular.data.formats.text import beginning_of
from tabular.data.sniffing import BOM
from tabular.errors import InvalidTable

BEGINNING_BYTES = 4 * (SAMPLED_CHARACTERS + 1)
"""Enough for every look at the beginning of a text."""
NOT_UTF_8 = "\ufffd"


class CsvLayout(NamedTuple):
    """How the rows of a CSV in UTF-8 lie: what parts their cells, how many these are, and the names in the header.

    Cells from the end of the `header` to the `width` of a row are empty; `start` is the byte at which the first row
    begins.
    """

    separator: Separator
    header: tuple[str, ...]
    width: int
    start: int

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each cell of a row, of one without a name by its position."""
        padded = (*self.header, *[""] * (self.width - len(self.header)))
        return tuple(name_at(padded, at) for at in range(self.width))


def layout_of(beginning: bytes, separator: Separator, columns: Sequence[str] = ()) -> CsvLayout:
    """The layout by the first `BEGINNING_BYTES`, or all, of a file in UTF-8; raises InvalidTable for what is no CSV.

    `columns` are the names where the file has no header: then its first record is a row. Cells at the end that the
    header or every row has more than the other count for nothing if they are empty.
    """
    mark = len(BOM) if beginning.startswith(BOM) else 0
    text = beginning_of(beginning, "utf-8")
    check_kind(text)
    header, rows, header_lines = _records(text, separator, columns, is_cut=len(beginning) >= BEGINNING_BYTES)
    start = mark + len(header_lines.encode())
    if not columns and any(NOT_UTF_8 in name for name in header):
        raise InvalidTable("the header of the file is not text in UTF-8. Save it as UTF-8")
    fitted, kept = without_trailing(header, rows)
    if fault := header_fault(fitted, kept):
        raise InvalidTable(NO_TABLE, [fault])
    width = len(rows[0]) if rows and len(kept[0]) < len(rows[0]) else len(fitted)
    return CsvLayout(separator, tuple(fitted), width, start)


def _records(text: str, separator: str, columns: Sequence[str], *, is_cut: bool) -> tuple[Row, list[Row], str]:
    """The header, the first rows, and the text of the header with the blank lines before it."""
    read: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            read.append(line)
            yield line

    records = ([cell.strip() for cell in record] for record in strict_reader(lines(), separator) if record)
    try:
        header = list(columns) or next(records, [])
    except csv.Error as error:
        raise InvalidTable(f"the header of the file cannot be read: {error}. Check its quotes") from error
    header_lines = "" if columns else "".join(read)
    if not header:
        raise InvalidTable("the file is empty")
    rows: list[Row] = []
    try:
        rows.extend(islice(records, SAMPLED_RECORDS))
    except csv.Error:  # who reads the rows says so
        return header, rows, header_lines
    return header, rows[:-1] if is_cut and len(rows) < SAMPLED_RECORDS else rows, header_lines
