"""A table read in batches of rows, so that a file of any size takes the memory of a few: CSV and Parquet, by Arrow.

What is no row of the table (another number of cells, lines that a stray quote makes one row) is a fault with its row
number, and the rows around it are read. `ArrowCodec` gives the cells their meaning.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tabular.errors import Fault, InvalidTable

BATCH_ROWS = 65_536
"""So many rows of a Parquet file are one batch."""
PARQUET_MAGIC = b"PAR1"
CHUNK_BYTES = 4_000_000


class Quotes(StrEnum):
    """The quotes of a CSV: with NONE a row is a line, USUAL ones Arrow reads as others do, ODD ones it does not."""

    NONE = "none"
    USUAL = "usual"
    ODD = "odd"


@dataclass(frozen=True)
class Identity:
    """What a file is, by one pass over its bytes: its sha256, its size in bytes, and whether a CSV has quotes."""

    sha256: str
    size_bytes: int
    quotes: Quotes


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


def identity(path: Path) -> Identity:
    """Read a file once for what it is; raises OSError."""
    digest, size, quotes, count = hashlib.sha256(), 0, Quotes.NONE, 0
    is_text = not is_parquet(path)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            if is_text and quotes is not Quotes.ODD and (found := chunk.count(b'"')):
                count += found
                quotes = Quotes.ODD if _has_odd_quotes(chunk) else Quotes.USUAL
    # An odd number is a quote that is never closed, or one within text.
    return Identity(digest.hexdigest(), size, Quotes.ODD if count % 2 else quotes)


def _has_odd_quotes(chunk: bytes) -> bool:
    """Whether a quote follows a separator and a space, or stands within text: a strict reader takes these otherwise."""
    # Usually each quote has a separator on one side. Counting them is ten times as fast as looking at each.
    if chunk.count(b'"') == sum(map(chunk.count, (b',"', b'\n"', b'",', b'"\r', b'"\n'))):
        return False
    return _ODD_QUOTES.search(chunk.replace(b'""', b"")) is not None


_ODD_QUOTES = re.compile(rb',[ ]+"|[^",\r\n]"[^",\r\n]')


def is_parquet(path: Path) -> bool:
    """True for a Parquet file, by its first bytes; raises OSError."""
    with path.open("rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


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
        return pq.ParquetFile(path)
    except (pa.ArrowException, ValueError) as error:
        raise InvalidTable(f"the Parquet file cannot be read: {error}. Check whether it was cut") from error
