"""From the bytes of a CSV to its header and rows of text: strictly, so that no cell is invented and no row is lost.

Python's own reader, because pandas fills the cells that a cut or broken row lacks without a word.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabular.data import sniffing
from tabular.data.csv_header import MAX_HEADER_CHARACTERS_SHOWN, Row, named_columns, shape_faults
from tabular.data.csv_quotes import LongRecord, swallowed_rows
from tabular.errors import Fault, InvalidTable

if TYPE_CHECKING:
    import _csv

NO_TABLE = "the file is not a CSV table. Check the separator, and whether it was cut"
MAX_HEADER_CHARACTERS_READ = 100_000
"""So much of the header decides the separator."""
NO_TEXT = {
    sniffing.OTHER_TEXT: "Save it as UTF-8",
    sniffing.UTF_16: "Save it as UTF-8",
    sniffing.UTF_32: "Save it as UTF-8",
}
TEXTS = frozenset({sniffing.OBJECT, sniffing.ARRAY, sniffing.LINES, sniffing.HTML})
"""What a header of several cells may still be."""
LIKE_ONE_COLUMN = frozenset(
    {sniffing.CSV, sniffing.FORM, *(sniffing.OF_BASE64 + each for each in (sniffing.BINARY, "text"))}
)
"""What a column of words may be taken for."""
_LINE_END = re.compile(r"[\r\n]")


def header_and_rows(body: bytes) -> tuple[Row, list[Row]]:
    """The header and the rows of a CSV, spaces around names and cells cut; raises InvalidTable.

    Columns with neither a name nor a value are left out; one with values and no name is named by its position.
    """
    text = _text(body)
    if (name := _other_kind(body, _first_line(text))) is not None:
        raise InvalidTable(f"the file is {name}, not a CSV table. Save or export the table as CSV")
    rows, long_records = _read(text)
    if not rows:
        raise InvalidTable("the file is empty")
    if len(rows[0]) == 1 and (fault := _separator(text)):
        raise InvalidTable(NO_TABLE, [fault])
    if long_records and (faults := _swallowed(rows, long_records)):
        raise InvalidTable("rows are lost in quotes that do not belong there", faults)
    header, rows = named_columns(rows[0], rows[1:])
    if faults := shape_faults(header, rows):
        raise InvalidTable(NO_TABLE, faults)
    return header, rows


def _text(body: bytes) -> str:
    name = sniffing.name_of(body[: sniffing.SNIFFED_BYTES]) if b"\0" in body[:4] else None
    try:
        if name is None:
            return body.decode("utf-8-sig")
        why = f"it is {name}"
    except UnicodeDecodeError as error:
        name = sniffing.name_of(body)
        why = f"it is {name}" if name not in (None, sniffing.BINARY, sniffing.OTHER_TEXT) else str(error)
    remedy = NO_TEXT.get(name or "", "Save or export the table as CSV in UTF-8, unpacked, and check the upload")
    raise InvalidTable(f"the file is not text in UTF-8: {why}. {remedy}")


def _first_line(text: str) -> str:
    return _LINE_END.split(text.lstrip()[:MAX_HEADER_CHARACTERS_READ], maxsplit=1)[0]


def _other_kind(body: bytes, first_line: str) -> str | None:
    """What the file is by its beginning, if that is no CSV."""
    may_be_header = "," in first_line
    if may_be_header and first_line[0] not in "{[<":
        return None
    name = sniffing.name_of(sniffing.without_mark(body))
    if name is None or name in LIKE_ONE_COLUMN or (may_be_header and name not in TEXTS):
        return None
    return name


def _separator(text: str) -> Fault | None:
    """The fault that another mark than a comma parts the cells of the first line, quoted or not."""
    line = _first_line(text)
    widths = {mark: len(next(csv.reader([line], delimiter=mark, skipinitialspace=True))) for mark in ",;\t|"}
    mark = max(widths, key=lambda each: widths[each])
    if mark == "," or widths[mark] == 1:
        return None
    allowed = "','. Save the table with commas between the cells" + (", and points in numbers" if mark == ";" else "")
    return Fault("separator", f"is {mark!r}", allowed, line[:MAX_HEADER_CHARACTERS_SHOWN])


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
        if fault := _separator(text):
            raise InvalidTable(NO_TABLE, [fault]) from error
        where = f"line {first_line}"
        if lines.line_num > first_line:
            where = f"lines {first_line} to {lines.line_num}, which a quote makes one row"
        why = f"{where}: {error}. Check the separator, stray quotes, and whether it was cut"
        raise InvalidTable(f"the file is not a CSV table: {why}") from error
    return rows, long_records


def _swallowed(rows: Sequence[Row], long_records: dict[int, LongRecord]) -> list[Fault]:
    widths = [len(row) for at, row in enumerate(rows) if at not in long_records] or [len(rows[0])]
    return swallowed_rows(list(long_records.values()), rows[1:], statistics.mode(widths))
