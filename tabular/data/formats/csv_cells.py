"""From the text of a CSV to its header and rows of text: strictly, so that no cell is invented and no row is lost.

Python's own reader, because pandas fills the cells that a cut or broken row lacks without a word.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tabular.data import sniffing
from tabular.data.formats.csv_header import Row, named_columns, shape_faults
from tabular.data.formats.csv_quotes import LongRecord, swallowed_rows
from tabular.data.formats.separator import MARKS, SPACE, single_spaced
from tabular.errors import Fault, InvalidTable

if TYPE_CHECKING:
    import _csv

NO_TABLE = "the file is not a CSV table. Check the separator, and whether it was cut"
MAX_HEADER_CHARACTERS_READ = 100_000
"""So much of the header is looked at."""
TEXTS = frozenset({sniffing.OBJECT, sniffing.ARRAY, sniffing.LINES, sniffing.HTML})
"""What a header of several cells may still be."""
LIKE_ONE_COLUMN = frozenset(
    {sniffing.CSV, sniffing.FORM, *(sniffing.OF_BASE64 + each for each in (sniffing.BINARY, "text"))}
)
"""What a column of words may be taken for."""
_LINE_END = re.compile(r"[\r\n]")


def header_and_rows(text: str, separator: str = ",", columns: Sequence[str] = ()) -> tuple[Row, list[Row]]:
    """The header and the rows of a CSV, spaces around names and cells cut; raises InvalidTable.

    Columns with neither a name nor a value are left out; one with values and no name is named by its position.
    `columns` are the names where the file has no header: then its first record is a row.
    """
    check_kind(text)
    rows, long_records = _read(single_spaced(text) if separator == SPACE else text, separator)
    if not rows:
        raise InvalidTable("the file is empty")
    if long_records and (faults := _swallowed(rows, long_records, separator)):
        raise InvalidTable("rows are lost in quotes that do not belong there", faults)
    header, rows = named_columns(*((list(columns), rows) if columns else (rows[0], rows[1:])))
    if faults := shape_faults(header, rows):
        raise InvalidTable(NO_TABLE, faults)
    return header, rows


def check_kind(text: str) -> None:
    """Raise InvalidTable if the file is something else by the beginning of its text."""
    if (name := _other_kind(text)) is not None:
        raise InvalidTable(f"the file is {name}, not a CSV table. Save or export the table as CSV or Parquet")


def _other_kind(text: str) -> str | None:
    first_line = _LINE_END.split(text.lstrip()[:MAX_HEADER_CHARACTERS_READ], maxsplit=1)[0]
    may_be_header = any(mark in first_line for mark in MARKS)
    if may_be_header and first_line[0] not in "{[<":
        return None
    # As bytes, one more than are sniffed: then what is cut off is known to be.
    name = sniffing.name_of(text[: sniffing.SNIFFED_BYTES + 1].encode())
    if name is None or name in LIKE_ONE_COLUMN or (may_be_header and name not in TEXTS):
        return None
    return name


def strict_reader(lines: Iterable[str], separator: str) -> _csv.Reader:
    """Python's reader of the records in these lines, with csv.Error for what a CSV cannot hold."""
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator != SPACE, strict=True)


def _read(text: str, separator: str) -> tuple[list[Row], dict[int, LongRecord]]:
    """Every record that is not blank, and those of several lines as they were written, by position."""
    lines = strict_reader(io.StringIO(text, newline=""), separator)
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


def _swallowed(rows: Sequence[Row], long_records: dict[int, LongRecord], separator: str) -> list[Fault]:
    widths = [len(row) for at, row in enumerate(rows) if at not in long_records] or [len(rows[0])]
    return swallowed_rows(list(long_records.values()), rows[1:], statistics.mode(widths), separator)
