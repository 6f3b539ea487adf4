"""From the records of a CSV to the rows of a table: what is no row is a fault, and numbers have a decimal point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.batches.row_batches import RowBatch
from tabular.contract.source import Decimal
from tabular.data.formats.csv_layout import CsvLayout
from tabular.data.formats.csv_quotes import LongRecord, swallowed_rows
from tabular.data.formats.decimal_comma import has_point, with_point
from tabular.data.formats.decimal_mark import FoundNumber, point_fault
from tabular.errors import Fault

MAX_COMPARED_ROWS = 10_000

Mask = NDArray[np.bool_]


def table_rows(
    batch: pa.RecordBatch,
    numbers: NDArray[np.int64],
    faults: Sequence[Fault],
    wanted: Sequence[str],
    layout: CsvLayout,
    *,
    has_quotes: bool,
    decimal: Decimal,
) -> RowBatch:
    """The records with these numbers as rows, with the wanted columns; `faults` are those that are known already.

    The columns of the batch are named by their positions. Without quotes those that are not wanted may lack.
    """
    is_row, found = np.ones(len(batch), dtype=np.bool_), list(faults)
    if has_quotes:
        found += _swallowed(batch, numbers, layout, is_row)
    found += _overlong(batch, numbers, layout, is_row)
    columns = {name: batch.column(str(layout.names.index(name))) for name in wanted}
    if decimal == ",":
        found += _with_points(columns, numbers, is_row)
        columns = {name: with_point(column) for name, column in columns.items()}
    if is_row.all():
        return RowBatch(numbers, columns, tuple(found))
    kept = pa.array(is_row)
    return RowBatch(numbers[is_row], {name: column.filter(kept) for name, column in columns.items()}, tuple(found))


def _swallowed(batch: pa.RecordBatch, numbers: NDArray[np.int64], layout: CsvLayout, is_row: Mask) -> list[Fault]:
    """A fault for each row that must be several, for a stray quote."""
    has_line_ends = np.zeros(len(batch), dtype=np.bool_)
    for column in batch.columns:
        has_line_ends |= pc.match_substring(column, b"\n").to_numpy(zero_copy_only=False)
    several = np.flatnonzero(has_line_ends).tolist()
    if not several:
        return []
    compared = _cells(batch.slice(0, MAX_COMPARED_ROWS))
    faults = []
    for at in several:
        (cells,) = _cells(batch.slice(at, 1))
        row = int(numbers[at])
        found = swallowed_rows([LongRecord(cells, row, row)], compared, layout.width, layout.separator)
        if found:
            is_row[at] = False
            lines = sum(cell.count("\n") for cell in cells) + 1
            problem = f"are those of {lines} lines, for a quote opens in the first and closes in the last"
            faults.append(Fault("cells", problem, found[0].allowed, found[0].given, row))
    return faults


def _overlong(batch: pa.RecordBatch, numbers: NDArray[np.int64], layout: CsvLayout, is_row: Mask) -> list[Fault]:
    """A fault for each row with more than nothing in the cells that the header does not have."""
    has_more = np.zeros(len(batch), dtype=np.bool_)
    for at in range(len(layout.header), layout.width):
        has_more |= pc.not_equal(batch.column(str(at)), b"").to_numpy(zero_copy_only=False)
    found = np.flatnonzero(has_more & is_row)
    is_row[found] = False
    allowed = f"{len(layout.header)}, as in the header"
    return [Fault("cells", f"are {layout.width}", allowed, None, row) for row in numbers[found].tolist()]


def _with_points(columns: dict[str, pa.Array], numbers: NDArray[np.int64], is_row: Mask) -> list[Fault]:
    """A fault for each row with a number that has a point, where the decimal mark is a comma."""
    faults = []
    for name, column in columns.items():
        is_odd = has_point(column).to_numpy(zero_copy_only=False) & is_row
        for at in np.flatnonzero(is_odd).tolist():
            text = column[at].as_py().decode(errors="replace")
            faults.append(point_fault(FoundNumber(name, int(numbers[at]), text)))
            is_row[at] = False
    return faults


def _cells(batch: pa.RecordBatch) -> list[list[str]]:
    return [[cell.decode(errors="replace") for cell in row.values()] for row in batch.to_pylist()]
