"""From a Parquet file to cells of text, each as a CSV would have it: one meaning of a value, whatever file it came in.

Null and NaN become the empty cell, which is missing. A number is the shortest text that is this number in its own
precision, a boolean the word, a date or time ISO 8601 (with its offset where the column has a zone).
"""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tabular.errors import Fault, InvalidTable

UNREADABLE = (pa.ArrowException, OSError)


def parquet_cells(body: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cells, and the columns that are left out because they hold lists, structs or bytes; raises InvalidTable."""
    try:
        file = pq.ParquetFile(io.BytesIO(body))
        schema = file.schema_arrow
        names = [name.strip() for name in schema.names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidTable("the file cannot be read", [_twice(name) for name in twice])
        kept = [field for field in schema if _is_plain(field.type)]
        table = file.read([field.name for field in kept])
    except UNREADABLE as error:
        raise InvalidTable(f"the Parquet file cannot be read: {error}. Check whether it was cut") from error
    columns = {field.name.strip(): _texts(table[field.name]) for field in kept}
    left_out = tuple(field.name for field in schema if not _is_plain(field.type))
    return pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in columns.items()}), left_out


def _twice(name: str) -> Fault:
    return Fault(name, "stands more than once among the columns", "one column of each name", name)


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    of_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    of_time = pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind)
    of_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(of_text or of_time or of_number or pa.types.is_boolean(kind) or pa.types.is_null(kind))


def as_written(column: pa.Array) -> pa.Array:
    """Times, and numbers that are no doubles, as the text that publishing reads; other columns as they are.

    The 0.1 of a column of single precision is then the 0.1 of a request, and not 0.10000000149.
    """
    kind = column.type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind) or pa.types.is_decimal(kind):
        return _without_nan(column).cast(pa.string())
    return iso_times(column) if pa.types.is_temporal(kind) else column


def _without_nan(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """The column with null for NaN, which is missing, and a half as a single: Arrow writes no halves."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    texts = iso_times(_without_nan(column))
    if pa.types.is_large_string(kind) or pa.types.is_string(kind) or pa.types.is_string_view(kind):
        texts = pc.utf8_trim_whitespace(texts)
    return pc.fill_null(texts, "")


def iso_times(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """The column as text; of times ISO 8601: `2022-01-31T08:30:00`, a fraction only where one is, `+01:00` if zoned."""
    kind, texts = column.type, column.cast(pa.large_string())
    if not pa.types.is_timestamp(kind):
        return texts
    texts = pc.replace_substring_regex(texts, r"^([0-9-]+) ", r"\1T")
    texts = pc.replace_substring_regex(texts, r"\.0+(Z|[+-][0-9]{4})?$", r"\1")
    return pc.replace_substring_regex(texts, r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2") if kind.tz else texts
