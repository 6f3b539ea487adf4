"""The file of a table, whatever its format, read in batches as the contract's `[source]` says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from tabular.batches.csv_batches import CsvFile, csv_file
from tabular.batches.plain_file import plain_file
from tabular.batches.row_batches import RowBatch, parquet_batches, parquet_columns, parquet_type
from tabular.contract.source import SourceOptions


class TableFile:
    """One file. Threads may share it."""

    def __init__(self, path: Path, source: SourceOptions, copy: Path) -> None:
        """Find out how the file is written; raises InvalidTable for what is no table, and OSError.

        A file that cannot be read in batches as it lies there is written to `copy` in another form.
        """
        self._path, separator = plain_file(path, source, copy)
        self._csv: CsvFile | None = None if separator is None else csv_file(self._path, separator, source)
        self.names = tuple(parquet_columns(self._path)) if self._csv is None else self._csv.layout.names

    def batches(self, wanted: Sequence[str]) -> Iterator[RowBatch]:
        """The rows with these columns, always cut into the same batches; raises InvalidTable where that fails."""
        return parquet_batches(self._path, wanted) if self._csv is None else self._csv.batches(wanted)

    def type_of(self, name: str) -> pa.DataType:
        """The type of a column, of a CSV text; raises InvalidTable and OSError."""
        return parquet_type(self._path, name) if self._csv is None else pa.string()
