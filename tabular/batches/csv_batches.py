"""A CSV read in batches of rows: by Arrow, or where its quotes are odd by Python's strict reader, which is slower."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from tabular.batches.csv_pieces import LongRecordError, csv_pieces
from tabular.batches.csv_rows import table_rows
from tabular.batches.plain_file import file_chunks
from tabular.batches.row_batches import RowBatch
from tabular.contract.source import Decimal, Separator, SourceOptions
from tabular.data.formats.arrow_csv import BLOCK_BYTES, convert_options, parse_options
from tabular.data.formats.csv_cells import strict_reader
from tabular.data.formats.csv_layout import BEGINNING_BYTES, CsvLayout, layout_of
from tabular.data.formats.decimal_comma import add_column
from tabular.data.formats.decimal_mark import DecimalMarks, is_always_point
from tabular.data.formats.quote_kinds import Quotes, quotes_in
from tabular.errors import Fault, InvalidTable

PIECE_BYTES = 4_000_000
"""About so much of a CSV is one batch of Arrow."""
STRICT_ROWS = 20_000
"""So many rows are one batch of the strict reader."""
MAX_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class CsvFile:
    """A CSV in UTF-8, and how it is written."""

    path: Path
    layout: CsvLayout
    quotes: Quotes
    decimal: Decimal = "."

    def batches(self, wanted: Sequence[str]) -> Iterator[RowBatch]:
        """The rows with these columns as bytes, always cut into the same batches.

        Raises InvalidTable for a wanted name that stands twice, and where the rest of the file cannot be read.
        """
        names = self.layout.names
        if twice := sorted({name for name in wanted if names.count(name) > 1}):
            faults = [Fault(name, "stands more than once in the header", "one column of each name") for name in twice]
            raise InvalidTable("the file is not a CSV table", faults)
        if self.quotes is Quotes.ODD:
            return _strict_batches(self, wanted)
        return _arrow_batches(self, wanted)


def csv_file(path: Path, separator: Separator, source: SourceOptions) -> CsvFile:
    """A CSV in UTF-8 whose cells this separator parts; raises InvalidTable for what is none, and OSError."""
    with path.open("rb") as file:
        layout = layout_of(file.read(BEGINNING_BYTES), separator, source.columns)
    found = CsvFile(path, layout, quotes_in(file_chunks(path), separator))
    return CsvFile(path, layout, found.quotes, _decimal(found, source.decimal))


def _decimal(found: CsvFile, named: Decimal | None) -> Decimal:
    """The decimal mark: all numbers of the file are looked at before the first is read, unless it is named."""
    if named is not None:
        return named
    if is_always_point(named, found.layout.separator) or not any(b"," in chunk for chunk in file_chunks(found.path)):
        return "."
    marks = DecimalMarks()
    names = [name for name in found.layout.names if found.layout.names.count(name) == 1]
    for batch in found.batches(names):
        for name in names:
            add_column(marks, name, batch.columns[name], batch.numbers)
    return marks.decided(None)


def _arrow_batches(file: CsvFile, wanted: Sequence[str]) -> Iterator[RowBatch]:
    """Piece after piece by Arrow, with one thread: who takes the batches is busy with others meanwhile."""
    first, has_quotes = 1, file.quotes is not Quotes.NONE
    sizes = min(PIECE_BYTES, BLOCK_BYTES), BLOCK_BYTES
    try:
        for piece in csv_pieces(file.path, file.layout.start, *sizes, has_quotes=has_quotes):
            batch, records = _arrow_batch(file, piece, first, wanted)
            first += records
            yield batch
    except LongRecordError as error:
        raise InvalidTable(
            f"the file cannot be read from about row {first:,} on: a row is longer than {BLOCK_BYTES:,} bytes, or a "
            "quote opens there that is never closed"
        ) from error
    except pa.ArrowInvalid as error:
        raise InvalidTable(f"the file is not a CSV table from about row {first:,} on: {error}") from error


def _arrow_batch(file: CsvFile, piece: bytes, first: int, wanted: Sequence[str]) -> tuple[RowBatch, int]:
    """The rows of a piece, numbered from `first`, and how many records it has.

    Those of another width are noted by Arrow's parser, and numbered with the others.
    """
    layout, ragged = file.layout, list[Fault]()

    def note(row: Any) -> str:
        text = row.text[:MAX_SHOWN_CHARACTERS] if isinstance(row.text, str) else None
        allowed = f"{row.expected_columns}, as in the header"
        ragged.append(Fault("cells", f"are {row.actual_columns}", allowed, text, first - 1 + row.number))
        return "skip"

    # By position: those that nobody asks for may have the same name.
    positions = [str(at) for at in range(layout.width)]
    kept = positions
    if file.quotes is Quotes.NONE:
        kept = [str(layout.names.index(name)) for name in wanted] + positions[len(layout.header) :]
    # Several threads would not know the number of a row.
    read = pacsv.ReadOptions(block_size=len(piece), column_names=positions, use_threads=False)
    parse = parse_options(layout.separator, file.quotes, note)
    table = pacsv.read_csv(pa.BufferReader(piece), read, parse, convert_options(kept, pa.binary()))
    rows = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    records = len(table) + len(ragged)
    taken = np.array([fault.row for fault in ragged], dtype=np.int64)
    numbers = np.setdiff1d(np.arange(first, first + records, dtype=np.int64), taken)
    return _finished(file, rows[0], numbers, ragged, wanted), records


def _finished(
    file: CsvFile, batch: pa.RecordBatch, numbers: NDArray[np.int64], faults: list[Fault], wanted: Sequence[str]
) -> RowBatch:
    return table_rows(
        batch, numbers, faults, wanted, file.layout, has_quotes=file.quotes is not Quotes.NONE, decimal=file.decimal
    )


class _NeverClosed(Exception):
    """A quote opens that is never closed, so that all that follows would be one cell."""


_ENDLESS = ("unexpected end of data", "field larger than")


def _strict_batches(file: CsvFile, wanted: Sequence[str]) -> Iterator[RowBatch]:
    with file.path.open("rb") as body:
        body.seek(file.layout.start)
        lines = io.TextIOWrapper(body, encoding="utf-8", errors="surrogateescape", newline="")
        records = _strict_records(lines, file.layout.separator)
        first = 1
        try:
            while read := list(islice(records, STRICT_ROWS)):
                yield _strict_batch(file, read, first, wanted)
                first += len(read)
        except _NeverClosed as error:
            raise InvalidTable(
                f"the file cannot be read from about row {first:,} on: a quote opens there that is never closed"
            ) from error


def _strict_records(lines: Any, separator: str) -> Iterator[list[str] | csv.Error]:
    """Every record that is not blank; the error in the place of one that cannot be read."""
    reader = strict_reader(lines, separator)
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if any(text in str(error) for text in _ENDLESS):
                raise _NeverClosed from error
            yield error
            continue
        if record:
            yield record


def _strict_batch(file: CsvFile, read: Sequence[list[str] | csv.Error], first: int, wanted: Sequence[str]) -> RowBatch:
    rows, numbers, faults, width = [], [], [], file.layout.width
    for number, record in enumerate(read, first):
        if isinstance(record, csv.Error):
            faults.append(Fault("cells", f"cannot be read: {record}", "a quote only around a whole cell", None, number))
        elif len(record) != width:
            text = file.layout.separator.join(record)[:MAX_SHOWN_CHARACTERS]
            faults.append(Fault("cells", f"are {len(record)}", f"{width}, as in the header", text, number))
        else:
            rows.append([cell.encode(errors="surrogateescape") for cell in record])
            numbers.append(number)
    columns = list(zip(*rows, strict=True)) or [()] * width
    batch = pa.RecordBatch.from_arrays(
        [pa.array(cells, pa.binary()) for cells in columns], list(map(str, range(width)))
    )
    return _finished(file, batch, np.array(numbers, dtype=np.int64), faults, wanted)
