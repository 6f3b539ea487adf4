"""A CSV read in batches of rows: by Arrow, or where its quotes are odd by Python's strict reader, which is slower."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from tabular.batches.row_batches import Quotes, RowBatch
from tabular.data import sniffing
from tabular.data.formats.csv_quotes import LongRecord, swallowed_rows
from tabular.errors import Fault, InvalidTable

BLOCK_BYTES = 16_000_000
"""So much of a CSV is one batch; one row may not be longer."""
STRICT_ROWS = 20_000
"""So many rows are one batch of the strict reader."""
MAX_SHOWN_CHARACTERS = 80
MAX_COMPARED_ROWS = 10_000
NO_TABLES = frozenset(
    {sniffing.OBJECT, sniffing.ARRAY, sniffing.LINES, sniffing.HTML, sniffing.UTF_16, sniffing.UTF_32, sniffing.BINARY}
)
NOT_UTF_8 = "\ufffd"


def csv_columns(path: Path) -> list[str]:
    """The names in the header of a CSV; raises InvalidTable for a file that is none, and OSError."""
    with path.open("rb") as file:
        start = sniffing.without_mark(file.read(sniffing.SNIFFED_BYTES))
    name = sniffing.name_of(start)
    if name in NO_TABLES or (name is not None and b"," not in start.partition(b"\n")[0]):
        raise InvalidTable(f"the file is {name}, not a table. Save or export it as CSV with commas, or as Parquet")
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next((row for row in _strict(file) if row), None)
    except csv.Error as error:
        raise InvalidTable(f"the header of the file cannot be read: {error}. Check its quotes") from error
    if header is None:
        raise InvalidTable("the file is empty")
    if any(NOT_UTF_8 in name for name in header):
        raise InvalidTable("the header of the file is not text in UTF-8. Save it as UTF-8")
    return [name.strip() for name in header]


def csv_batches(path: Path, wanted: Sequence[str], quotes: Quotes) -> Iterator[RowBatch]:
    """The rows of a CSV with these of its columns as bytes, always cut into the same batches.

    Raises InvalidTable for a wanted name that stands twice, and where the rest of the file cannot be read.
    """
    header = csv_columns(path)
    if twice := sorted({name for name in wanted if header.count(name) > 1}):
        faults = [Fault(name, "stands more than once in the header", "one column of each name") for name in twice]
        raise InvalidTable("the file is not a CSV table", faults)
    if quotes is Quotes.ODD:
        return _strict_batches(path, header, wanted)
    return _ArrowReader(path, header, wanted, has_quotes=quotes is Quotes.USUAL).batches()


@dataclass
class _ArrowReader:
    """One reading of a CSV: rows of another width are noted by Arrow's parser, and numbered with the others."""

    path: Path
    header: Sequence[str]
    wanted: Sequence[str]
    has_quotes: bool
    _ragged: list[Fault] = field(default_factory=list)
    _next: int = 1

    def batches(self) -> Iterator[RowBatch]:
        try:
            for batch in self._open():
                yield self._numbered(batch)
        except pa.ArrowInvalid as error:
            raise InvalidTable(self._why(error)) from error
        if self._ragged:
            empty = {name: pa.array([], pa.binary()) for name in self.wanted}
            yield RowBatch(np.empty(0, np.int64), empty, tuple(self._ragged))

    def _open(self) -> Any:
        # By position: names may have spaces around them, and those that nobody asks for may stand twice.
        positions = [str(at) for at in range(len(self.header))]
        kept = positions if self.has_quotes else [str(self.header.index(name)) for name in self.wanted]
        convert = pacsv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(kept, pa.binary()),
            strings_can_be_null=False,
            include_columns=kept,
        )
        # Several threads would not know the number of a row.
        read = pacsv.ReadOptions(
            block_size=BLOCK_BYTES, column_names=positions, skip_rows_after_names=1, use_threads=False
        )
        parse = pacsv.ParseOptions(newlines_in_values=self.has_quotes, invalid_row_handler=self._note)
        return pacsv.open_csv(self.path, read, parse, convert)

    def _note(self, row: Any) -> str:
        # The parser counts records from 1, the header among them.
        text = row.text[:MAX_SHOWN_CHARACTERS] if isinstance(row.text, str) else None
        allowed = f"{row.expected_columns}, as in the header"
        self._ragged.append(Fault("cells", f"are {row.actual_columns}", allowed, text, row.number - 1))
        return "skip"

    def _numbered(self, batch: pa.RecordBatch) -> RowBatch:
        # Faults between the rows have their numbers already. Those behind the last row may be of the next block.
        taken = np.array([fault.row for fault in self._ragged], dtype=np.int64)
        free = np.setdiff1d(np.arange(self._next, self._next + len(batch) + len(taken), dtype=np.int64), taken)
        numbers = free[: len(batch)]
        self._next = int(numbers[-1]) + 1 if len(numbers) else self._next
        faults = [fault for fault in self._ragged if fault.row is not None and fault.row < self._next]
        self._ragged = self._ragged[len(faults) :]
        if self.has_quotes:
            swallowed, keep = _swallowed(batch, numbers, len(self.header))
            faults += swallowed
            batch, numbers = batch.filter(pa.array(keep)), numbers[keep]
        columns = {name: batch.column(str(self.header.index(name))) for name in self.wanted}
        return RowBatch(numbers, columns, tuple(faults))

    def _why(self, error: Exception) -> str:
        if "straddling" in str(error):
            return (
                f"the file cannot be read from about row {self._next:,} on: a row is longer than {BLOCK_BYTES:,} bytes,"
                " or a quote opens there that is never closed"
            )
        return f"the file is not a CSV table from about row {self._next:,} on: {error}"


class _NeverClosed(Exception):
    """A quote opens that is never closed, so that all that follows would be one cell."""


_ENDLESS = ("unexpected end of data", "field larger than")


def _strict(file: Any) -> Any:
    return csv.reader(file, skipinitialspace=True, strict=True)


def _strict_batches(path: Path, header: Sequence[str], wanted: Sequence[str]) -> Iterator[RowBatch]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        records = _strict_records(file)
        next(records)  # the header
        first = 1
        try:
            while read := list(islice(records, STRICT_ROWS)):
                yield _strict_batch(read, first, header, wanted)
                first += len(read)
        except _NeverClosed as error:
            raise InvalidTable(
                f"the file cannot be read from about row {first:,} on: a quote opens there that is never closed"
            ) from error


def _strict_records(file: Any) -> Iterator[list[str] | csv.Error]:
    """Every record that is not blank; the error in the place of one that cannot be read."""
    reader = _strict(file)
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


def _strict_batch(
    read: Sequence[list[str] | csv.Error], first: int, header: Sequence[str], wanted: Sequence[str]
) -> RowBatch:
    rows, numbers, faults = [], [], []
    for number, record in enumerate(read, first):
        if isinstance(record, csv.Error):
            faults.append(Fault("cells", f"cannot be read: {record}", "a quote only around a whole cell", None, number))
        elif len(record) != len(header):
            text = ",".join(record)[:MAX_SHOWN_CHARACTERS]
            faults.append(Fault("cells", f"are {len(record)}", f"{len(header)}, as in the header", text, number))
        else:
            rows.append([cell.encode(errors="surrogateescape") for cell in record])
            numbers.append(number)
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(cells, pa.binary()) for cells in columns], list(map(str, range(len(header))))
    )
    found = np.array(numbers, dtype=np.int64)
    swallowed, keep = _swallowed(batch, found, len(header))
    batch, found = batch.filter(pa.array(keep)), found[keep]
    return RowBatch(found, {name: batch.column(header.index(name)) for name in wanted}, (*faults, *swallowed))


def _swallowed(batch: pa.RecordBatch, numbers: NDArray[np.int64], width: int) -> tuple[list[Fault], NDArray[np.bool_]]:
    """A fault for each row that must be several, for a stray quote; and which rows are none of these."""
    keep = np.ones(len(batch), dtype=np.bool_)
    for column in batch.columns:
        keep &= ~pc.match_substring(column, b"\n").to_numpy(zero_copy_only=False)
    several = np.flatnonzero(~keep).tolist()
    if not several:
        return [], keep
    compared = _cells(batch.slice(0, MAX_COMPARED_ROWS))
    faults = []
    for at in several:
        (cells,) = _cells(batch.slice(at, 1))
        row = int(numbers[at])
        found = swallowed_rows([LongRecord(cells, row, row)], compared, width)
        keep[at] = not found
        if found:
            lines = sum(cell.count("\n") for cell in cells) + 1
            problem = f"are those of {lines} lines, for a quote opens in the first and closes in the last"
            faults.append(Fault("cells", problem, found[0].allowed, found[0].given, row))
    return faults, keep


def _cells(batch: pa.RecordBatch) -> list[list[str]]:
    return [[cell.decode(errors="replace") for cell in row.values()] for row in batch.to_pylist()]
