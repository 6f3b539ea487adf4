"""A clean table as Parquet files and back, the same to the dtype.

A file holds some of the rows: the features as `f0`, `f1`, … in contract order, the target twice (as number, and in the
contract's spelling where it has classes), the columns of the split if there are any, and the 0-based row of the
original where rows were dropped.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.input_frame import DATETIME
from tabular.data.table import CleanTable

PART_ROWS = 250_000
"""So many rows are one file: what a reader of some of the rows fetches at the least."""
ROW, TARGET, RAW_TARGET, TIMES, GROUPS = "row", "target", "raw_target", "times", "groups"


def to_parts(table: CleanTable, part_rows: int = PART_ROWS) -> Iterator[tuple[int, bytes]]:
    """The rows of the table in order, as files of at most so many rows: the number of rows of each, and its bytes."""
    columns = {f"f{at}": table.features[name] for at, name in enumerate(table.features)}
    columns[TARGET] = table.target
    if table.has_classes:
        columns[RAW_TARGET] = table.raw_target
    columns |= {name: values for name, values in ((TIMES, table.times), (GROUPS, table.groups)) if values is not None}
    if not is_whole(table.features.index):
        columns[ROW] = pd.Series(table.features.index)
    for start in range(0, max(len(table), 1), part_rows):
        end = min(start + part_rows, len(table))
        part = pa.table({name: _written(values.iloc[start:end]) for name, values in columns.items()})
        file = io.BytesIO()
        pq.write_table(part, file, compression="zstd", compression_level=1)
        yield end - start, file.getvalue()


def from_parts(contract: Contract, rows: int, bodies: Iterable[bytes], first_row: int = 0) -> CleanTable:
    """So many rows from consecutive files that were written under this contract; one file at a time is in memory.

    Without the row numbers of the original in them they are numbered from `first_row`, that of the first file. Raises
    pyarrow's errors, KeyError and ValueError for other files.
    """
    columns: dict[str, _Column] = {}
    for body in bodies:
        part = pq.read_table(pa.BufferReader(body))
        columns = columns or {name: _column(contract, name, rows) for name in part.column_names}
        for name, column in columns.items():
            column.extend(part[name])
    if (found := columns[TARGET].rows) != rows:
        raise ValueError(f"the parts have {found} rows, not {rows}")
    index = pd.Index(columns.pop(ROW).series(None)) if ROW in columns else pd.RangeIndex(first_row, first_row + rows)

    def series(name: str) -> pd.Series[Any]:
        return columns[name].series(index)

    features = {name: series(f"f{at}") for at, name in enumerate(contract.feature_names)}
    target = series(TARGET)
    labels = series(RAW_TARGET) if contract.target.classes else target
    target.name = labels.name = contract.target.column
    times, groups = (series(name) if name in columns else None for name in (TIMES, GROUPS))
    return CleanTable(pd.DataFrame(features, copy=False), target, labels, times, groups)


def is_whole(index: pd.Index) -> bool:
    """True if no row of the original is left out."""
    return not len(index) or (index[0] == 0 and index[-1] == len(index) - 1)


def _written(values: pd.Series[Any]) -> pa.Array:
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return pa.array(values.to_numpy())
    return pa.array(values, pa.large_string(), from_pandas=True).dictionary_encode()


class _Column(Protocol):
    """A column that is filled file by file; it has so many `rows` already."""

    rows: int

    def extend(self, values: pa.ChunkedArray) -> None:
        """Take the values of the next rows."""

    def series(self, index: pd.Index | None) -> pd.Series[Any]:
        """All values."""


class _Array:
    """Numbers, datetimes, or texts as objects, in an array that is made once."""

    def __init__(self, rows: int, dtype: str) -> None:
        self.rows = 0
        self._values = np.empty(rows, dtype=dtype)

    def extend(self, values: pa.ChunkedArray) -> None:
        for chunk in values.chunks:
            is_text = pa.types.is_dictionary(chunk.type)
            plain = _objects(chunk) if is_text else chunk.to_numpy(zero_copy_only=False)
            self._values[self.rows : self.rows + len(chunk)] = plain
            self.rows += len(chunk)

    def series(self, index: pd.Index | None) -> pd.Series[Any]:
        return pd.Series(self._values, index, dtype=self._values.dtype, copy=False)


class _Texts:
    """Texts as pandas has them by itself."""

    def __init__(self) -> None:
        self.rows = 0
        self._chunks: list[pa.Array] = []

    def extend(self, values: pa.ChunkedArray) -> None:
        self._chunks += [chunk.cast(pa.large_string()) for chunk in values.chunks]
        self.rows += len(values)

    def series(self, index: pd.Index | None) -> pd.Series[Any]:
        return pd.Series(pa.chunked_array(self._chunks, pa.large_string()), index, dtype="str")


def _column(contract: Contract, name: str, rows: int) -> _Column:
    if name in (RAW_TARGET, GROUPS):
        return _Texts()
    if name in (ROW, TARGET, TIMES):
        return _Array(rows, "int64" if name == ROW else "float64")
    return _Array(rows, _dtype(contract.features[int(name.removeprefix("f"))]))


def _dtype(feature: Feature) -> str:
    if feature.is_datetime:
        return DATETIME
    return "float64" if feature.is_numeric else "object"


def _objects(encoded: pa.DictionaryArray) -> NDArray[Any]:
    texts = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    found: NDArray[Any] = texts[encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)]
    return found
