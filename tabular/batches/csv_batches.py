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

from tabular.batches.csv_rows import table_rows
from tabular.batches.plain_file import file_chunks
from tabular.batches.row_batches import RowBatch
from tabular.contract.source import Decimal, Separator, SourceOptions
from tabular.data.formats.arrow_csv import BLOCK_BYTES, convert_options, parse_options
from tabular.data.formats.csv_cells import strict_reader
from tabular.data.formats.csv_layout import BEGINNING_BYTES, CsvLayout, layout_of
from tabular.data.formats.decimal_comma import DecimalMarks, is_always_point
from tabular.data.formats.quote_kinds import Quotes, quotes_in
from tabular.errors import Fault, InvalidTable

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
        return _ArrowReader(self, wanted).batches()


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
            marks.add(name, batch.columns[name], batch.numbers)
    return marks.decided(None)


class _ArrowReader:
    """One reading of a CSV: rows of another width are noted by Arrow's parser, and numbered with the others."""

    def __init__(self, file: CsvFile, wanted: Sequence[str]) -> None:
        self._file, self._wanted = file, wanted
        self._ragged: list[Fault] = []
        self._next = 1

    def batches(self) -> Iterator[RowBatch]:
        try:
            for batch in self._open():
                yield self._numbered(batch)
        except pa.ArrowInvalid as error:
            raise InvalidTable(self._why(error)) from error
        if self._ragged:
            empty = {name: pa.array([], pa.binary()) for name in self._wanted}
            yield RowBatch(np.empty(0, np.int64), empty, tuple(self._ragged))

    def _open(self) -> Any:
        layout, quotes = self._file.layout, self._file.quotes
        if self._file.path.stat().st_size <= layout.start:
            return ()
        # By position: those that nobody asks for may have the same name.
        positions = [str(at) for at in range(layout.width)]
        kept = positions
        if quotes is Quotes.NONE:
            kept = [str(layout.names.index(name)) for name in self._wanted] + positions[len(layout.header) :]
        rows = pa.OSFile(str(self._file.path))
        rows.seek(layout.start)
        # Several threads would not know the number of a row.
        read = pacsv.ReadOptions(block_size=BLOCK_BYTES, column_names=positions, use_threads=False)
        parse = parse_options(layout.separator, quotes, self._note)
        return pacsv.open_csv(rows, read, parse, convert_options(kept, pa.binary()))

    def _note(self, row: Any) -> str:
        text = row.text[:MAX_SHOWN_CHARACTERS] if isinstance(row.text, str) else None
        allowed = f"{row.expected_columns}, as in the header"
        self._ragged.append(Fault("cells", f"are {row.actual_columns}", allowed, text, row.number))
        return "skip"

    def _numbered(self, batch: pa.RecordBatch) -> RowBatch:
        # Faults between the rows have their numbers already. Those behind the last row may be of the next block.
        taken = np.array([fault.row for fault in self._ragged], dtype=np.int64)
        free = np.setdiff1d(np.arange(self._next, self._next + len(batch) + len(taken), dtype=np.int64), taken)
        numbers = free[: len(batch)]
        self._next = int(numbers[-1]) + 1 if len(numbers) else self._next
        faults = [fault for fault in self._ragged if fault.row is not None and fault.row < self._next]
        self._ragged = self._ragged[len(faults) :]
        return _finished(self._file, batch, numbers, faults, self._wanted)

    def _why(self, error: Exception) -> str:
        if "straddling" in str(error):
            return (
                f"the file cannot be read from about row {self._next:,} on: a row is longer than {BLOCK_BYTES:,} bytes,"
                " or a quote opens there that is never closed"
            )
        return f"the file is not a CSV table from about row {self._next:,} on: {error}"


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
