"""A table read in batches of rows, so that a file of any size takes the memory of a few: CSV and Parquet, by Arrow.

What is no row of the table (another number of cells, lines that a stray quote makes one row) is a fault with its row
number, and the rows around it are read. `ArrowCodec` gives the cells their meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tabular.errors import Fault, InvalidTable

BATCH_ROWS = 65_536
"""So many rows of a Parquet file are one batch."""
READ_BYTES = 1_000_000
"""So much of a column of a Parquet file is read at once."""


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of a file.

    `numbers` are their 1-based rows in the file (header and blank lines not counted), `columns` holds the wanted ones
    by name: bytes of a CSV, typed values of a Parquet file. `faults` are rows of this stretch that are no rows of the
    table, each with its number.
    """

    numbers: NDArray[np.int64]
    columns: Mapping[str, pa.Array]
    faults: Sequence[Fault] = ()

    def __len__(self) -> int:
        return len(self.numbers)


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns of a Parquet file; raises InvalidTable for one that cannot be read, and OSError."""
    return list(_parquet(path).schema_arrow.names)


def parquet_type(path: Path, name: str) -> pa.DataType:
    """The type of a column of a Parquet file; raises InvalidTable and OSError like `parquet_columns`."""
    return _parquet(path).schema_arrow.field(name).type


def parquet_batches(path: Path, wanted: Sequence[str]) -> Iterator[RowBatch]:
    """The rows of a Parquet file with these of its columns; raises InvalidTable where it cannot be read further."""
    first = 1
    try:
        for batch in _parquet(path).iter_batches(BATCH_ROWS, columns=list(wanted)):
            numbers = np.arange(first, first + len(batch), dtype=np.int64)
            yield RowBatch(numbers, {name: batch.column(name) for name in wanted})
            first += len(batch)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise InvalidTable(f"the Parquet file cannot be read from about row {first:,} on: {error}") from error


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        # Not the whole file at once, as is the default, nor a whole row group, which may be the file.
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidTable(f"the Parquet file cannot be read: {error}. Check whether it was cut") from error
