"""A clean table as Parquet files and back, the same to the dtype.

A file holds some of the rows: the features as `f0`, `f1`, … in contract order, the target twice (as number, and in the
contract's spelling where it has classes), the columns of the split if there are any, and the 0-based row of the
original where rows were dropped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

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


def from_parts(contract: Contract, bodies: Sequence[bytes]) -> CleanTable:
    """The rows of consecutive files that were written under this contract.

    Without the row numbers of the original in them they are numbered from 0, as those of the first file are. Raises
    pyarrow's errors and KeyError for other files.
    """
    read = pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])
    index = pd.Index(read[ROW].to_numpy()) if ROW in read.column_names else pd.RangeIndex(len(read))
    features = {
        feature.name: _values(read[f"f{at}"], index, "float64" if feature.is_numeric else "object")
        for at, feature in enumerate(contract.features)
    }
    target = labels = _values(read[TARGET], index, "float64")
    if contract.target.classes:
        labels = _values(read[RAW_TARGET], index, "str")
    target.name = labels.name = contract.target.column
    times = _values(read[TIMES], index, "float64") if TIMES in read.column_names else None
    groups = _values(read[GROUPS], index, "str") if GROUPS in read.column_names else None
    return CleanTable(pd.DataFrame(features), target, labels, times, groups)


def is_whole(index: pd.Index) -> bool:
    """True if no row of the original is left out."""
    return not len(index) or (index[0] == 0 and index[-1] == len(index) - 1)


def _written(values: pd.Series[Any]) -> pa.Array:
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return pa.array(values.to_numpy())
    return pa.array(values, pa.large_string(), from_pandas=True).dictionary_encode()


def _values(column: pa.ChunkedArray, index: pd.Index, kind: str) -> pd.Series[Any]:
    if pa.types.is_timestamp(column.type):
        return pd.Series(column.to_numpy().astype(DATETIME), index)
    if not pa.types.is_dictionary(column.type):
        return pd.Series(column.to_numpy(), index, dtype=kind)
    if kind == "str":
        return pd.Series(column.cast(pa.large_string()), index, dtype=kind)
    return pd.Series(np.concatenate([_objects(chunk) for chunk in column.chunks]), index, dtype=kind)


def _objects(encoded: pa.DictionaryArray) -> Any:
    texts = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    return texts[encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)]
