"""A CSV that a browser sends: its rows as the body of `/predict/batch`, and the response to it as a CSV again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from server.api.batch import too_many_rows
from server.api.web.record import record_of
from server.connections.errors import HttpError
from tabular.contract.types import Contract
from tabular.data.column_names import feature_columns, key_column
from tabular.data.formats.csv_cells import strict_reader
from tabular.data.formats.csv_layout import BEGINNING_BYTES, CsvLayout, layout_of
from tabular.data.formats.decimal_mark import DecimalMarks, FoundNumber, cell_with_point, is_always_point
from tabular.data.formats.separator import SPACE, separator_of
from tabular.data.formats.text import beginning_of, decoded, encoding_of, no_utf_8
from tabular.data.sniffing import binary_name_of
from tabular.encoding.row import MAX_RECORD_BYTES
from tabular.errors import Fault, InvalidTable

MAX_FAULTY_RECORDS = 20
ROW, ERROR, PREDICTION_ID, WARNINGS = "row", "error", "prediction_id", "warnings"
_UTF_8 = "utf-8"
_UTF_16_AND_32 = ("utf-16", "utf-32")


def batch_of_csv(contract: Contract, file: bytes, max_rows: int, max_bytes: int) -> bytes:
    """The rows as a JSON array; raises InvalidTable for what is no such table, and HttpError for too much of it.

    A feature is looked for by the name of its column in the table, and else by its public name, as in a scored file.
    """
    body, layout = _laid_out(contract, file)
    sources = feature_columns(contract, layout.names)
    names = dict(zip(contract.feature_names, map(layout.names.index, sources), strict=True))
    if (key := key_column(contract, layout.names)) is not None and contract.table.business_key is not None:
        names[contract.table.business_key] = layout.names.index(key)
    read = _reader(contract, body, layout)
    rows: list[bytes] = []
    left_bytes = max_bytes
    for cells in _rows(body, layout):
        if len(rows) >= max_rows:
            raise too_many_rows(max_rows)
        row = msgspec.json.encode(record_of(contract, {name: read(cells[at]) for name, at in names.items()}))
        left_bytes -= len(row) + 1
        if left_bytes < 0:
            raise HttpError(413, f"as JSON the rows are larger than {max_bytes:,} bytes, the most that is read at once")
        rows.append(row)
    return b"[%b]" % b",".join(rows)


def csv_of_batch(contract: Contract, response: bytes) -> bytes:
    """The response to the batch, a line for each row of the file from 1: its prediction, or why it has none."""
    reply: dict[str, Any] = msgspec.json.decode(response)
    key, classes = contract.reply.prediction_key, _classes(contract)
    ids = [contract.table.business_key] if contract.table.business_key else []
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    shares = [f"probability {name}" for name in classes]
    lines.writerow([ROW, *ids, key, *shares, PREDICTION_ID, WARNINGS, ERROR])
    for each in sorted((*reply["predictions"], *_unlisted(reply)), key=lambda one: int(one["row"])):
        found = [each.get(name) for name in (*ids, key)] + [each.get("probabilities", {}).get(name) for name in classes]
        about = [each.get(PREDICTION_ID), "; ".join(each.get(WARNINGS, ())), _error(each.get(ERROR))]
        lines.writerow([each["row"] + 1, *found, *about])
    return written.getvalue().encode()


def faults_of_batch(response: bytes) -> list[Fault]:
    """The faults of the rows that were rejected and are listed, each with its row from 1, if no row was served."""
    reply: dict[str, Any] = msgspec.json.decode(response)
    if reply["served"]:
        return []
    return [
        Fault(fault["field"], fault["problem"], fault["allowed"], fault["given"], each["row"] + 1)
        for each in reply["predictions"]
        for fault in each[ERROR]["faults"]
    ]


def _laid_out(contract: Contract, file: bytes) -> tuple[bytes, CsvLayout]:
    """The file in UTF-8, and how its cells lie."""
    source, name = contract.source, binary_name_of(file)
    encoding = encoding_of(file, source.encoding)
    if name is not None and not encoding.startswith(_UTF_16_AND_32):
        raise InvalidTable(f"the file is {name}, not a CSV table. Save or export the table as CSV")
    body = file if encoding == _UTF_8 else decoded(file, source.encoding)[0].encode()
    beginning = body[:BEGINNING_BYTES]
    separator = source.separator or separator_of(beginning_of(beginning, _UTF_8))
    if separator == SPACE:
        raise InvalidTable("the cells of the file are parted by spaces, which is not read here. Save it with commas")
    return body, layout_of(beginning, separator, source.columns)


def _reader(contract: Contract, body: bytes, layout: CsvLayout) -> Callable[[str], str]:
    """What makes of a cell the text that a form would hold: of a number with a decimal comma one with a point."""
    named = contract.source.decimal
    if is_always_point(named, layout.separator):
        return str
    marks = DecimalMarks()
    for number, cells in enumerate(_rows(body, layout), 1):
        for name, cell in zip(layout.names, cells, strict=True):
            marks.add_cell(FoundNumber(name, number, cell))
    return str if marks.decided(named) == "." else cell_with_point


def _rows(body: bytes, layout: CsvLayout) -> Iterator[Sequence[str]]:
    """The cells of each row; raises InvalidTable, at the end, naming the rows that have another width."""
    faulty: list[Fault] = []
    for number, cells in enumerate(_records(body, layout), 1):
        if len(cells) != layout.width:
            faulty.append(Fault("cells", f"are {len(cells)}", f"{layout.width}, as in the header", None, number))
        elif not faulty:
            yield cells
        if len(faulty) >= MAX_FAULTY_RECORDS:
            break
    if faulty:
        raise InvalidTable("the file is not a CSV table: rows have more or fewer cells than its header", faulty)


def _records(body: bytes, layout: CsvLayout) -> Iterator[Sequence[str]]:
    """The records behind the header but for the blank ones; raises InvalidTable where the file is broken."""
    file = io.BytesIO(body)
    file.seek(layout.start)
    text = _BoundedRows(io.TextIOWrapper(file, encoding=_UTF_8, newline=""))
    lines = strict_reader(text, layout.separator)
    try:
        for cells in lines:
            text.begin_row()
            if cells:
                yield cells
    except csv.Error as error:
        raise InvalidTable(f"the file is not a CSV table from about line {lines.line_num:,} on: {error}") from error
    except UnicodeDecodeError as error:
        raise no_utf_8(None, str(error)) from error


class _BoundedRows:
    """The lines of a text for a reader of rows; raises InvalidTable before one row is longer than a record may be."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.begin_row()

    def begin_row(self) -> None:
        """The reader has taken a row."""
        self._left = MAX_RECORD_BYTES

    def __iter__(self) -> _BoundedRows:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._left -= len(line)
        if self._left < 0:
            raise InvalidTable(
                f"a row of the file is longer than {MAX_RECORD_BYTES:,} characters. Check the separator, the ends of "
                "lines and the quotes"
            )
        return line


def _unlisted(reply: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of many rejected rows the API lists the first; the others it names by their positions."""
    for first, last in reply.get("not_listed", {}).get("rows", ()):
        for row in range(first, last + 1):
            yield {ROW: row, ERROR: {"message": "not valid under the contract", "faults": []}}


def _error(error: Mapping[str, Any] | None) -> str | None:
    if error is None:
        return None
    faults = [f"{fault['field']} {fault['problem']} (allowed: {fault['allowed']})" for fault in error["faults"]]
    return "; ".join(faults) or str(error["message"])


def _classes(contract: Contract) -> Sequence[str]:
    return contract.target.classes if contract.table.task == "multiclass" else ()
