"""From the bytes of a table's file, whatever its format, to cells of text and how they were read.

The contract's `[source]` says how the file is written; what it leaves out is inferred from the content, or is an error
that names the key that settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pandas as pd

from tabular.contract.source import Decimal, Format, Separator, SourceOptions
from tabular.data.formats.arrow_csv import arrow_cells
from tabular.data.formats.csv_cells import header_and_rows
from tabular.data.formats.csv_layout import BEGINNING_BYTES, layout_of
from tabular.data.formats.decimal_comma import with_points
from tabular.data.formats.packed import unpacked
from tabular.data.formats.parquet_cells import parquet_cells
from tabular.data.formats.separator import NAMES, SPACE, separator_of
from tabular.data.formats.text import beginning_of, decoded, encoding_of
from tabular.errors import InvalidSetting, InvalidTable

LARGE_BYTES = 1_000_000
"""From this size on Arrow is asked first."""
PARQUET_MARK = b"PAR1"
FORMATS: dict[Format, str] = {"csv": "CSV", "parquet": "Parquet"}


class ReadAs(msgspec.Struct, frozen=True, kw_only=True):
    """How a file was read: its format, how it was packed and, of a CSV, its encoding, separator, decimal mark, header.

    `left_out` are columns of a Parquet file of which no cells can be made: nested ones, bytes, and durations.
    """

    format: Format
    packed: str | None = None
    encoding: str | None = None
    separator: Separator | None = None
    decimal: Decimal | None = None
    header: bool = True
    left_out: tuple[str, ...] = ()

    def named(self, columns: Sequence[str]) -> SourceOptions:
        """The `[source]` that says all of this, for the same file with these columns: it is read so again."""
        return SourceOptions(
            format=self.format,
            encoding=self.encoding,
            separator=self.separator,
            decimal=self.decimal,
            header=self.header,
            columns=() if self.header else tuple(columns),
        )

    def described(self, source: SourceOptions) -> str:
        """In plain words, with what the contract's `[source]` had named."""
        named = {key for key in ("format", "encoding", "separator", "decimal") if getattr(source, key) is not None}
        parts = {"format": FORMATS[self.format] + (f", packed as {self.packed}" if self.packed else "")}
        if self.separator is not None:
            parts["encoding"] = f"in {self.encoding}"
            parts["separator"] = f"separated by {NAMES[self.separator]}"
            parts["decimal"] = f"decimal {'comma' if self.decimal == ',' else 'point'}"
        text = ", ".join(f"{text} (as [source] says)" if key in named else text for key, text in parts.items())
        text += "" if self.header else ", without a header (as [source] says)"
        return text + (
            f"; left out, as nested values, bytes and durations are no cells: {', '.join(self.left_out)}"
            if self.left_out
            else ""
        )


class RawTable(NamedTuple):
    """The cells of a table as text, spaces around names and cells cut, the empty one where nothing is; and how."""

    cells: pd.DataFrame
    read_as: ReadAs


def given_file(path: Path) -> bytes:
    """The bytes of the file that a command was given as `csv=`; raises InvalidSetting if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSetting(f"csv={str(path)!r} cannot be read: {error.strerror}") from error


def read_table(body: bytes, source: SourceOptions | None = None) -> RawTable:
    """Read a table of any format; raises InvalidTable."""
    source = source or SourceOptions()
    body, packed = unpacked(body)
    is_parquet = body.startswith(PARQUET_MARK)
    if source.format == "parquet" and not is_parquet:
        raise InvalidTable('the file is no Parquet file, and the contract\'s [source] says format = "parquet"')
    if is_parquet and source.format == "csv":
        raise InvalidTable('the file is a Parquet file, and the contract\'s [source] says format = "csv". Leave it out')
    if is_parquet and not source.header:
        raise InvalidTable("a Parquet file always has the names of its columns: leave out header = false and columns")
    if is_parquet:
        cells, left_out = parquet_cells(body)
        return RawTable(cells, ReadAs(format="parquet", packed=packed, left_out=left_out))
    return _csv(body, source, packed)


def _csv(body: bytes, source: SourceOptions, packed: str | None) -> RawTable:
    if len(body) >= LARGE_BYTES and (found := _by_columns(body, source, packed)) is not None:
        return found
    text, encoding = decoded(body, source.encoding)
    separator = source.separator or separator_of(text)
    header, rows = header_and_rows(text, separator, source.columns)
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    cells = pd.DataFrame(dict(zip(header, columns, strict=True)), dtype="str")
    return _with_points(cells, source, packed, encoding, separator)


def _by_columns(body: bytes, source: SourceOptions, packed: str | None) -> RawTable | None:
    """The same as the strict reader gives; None where that is not sure, and for what it has to name."""
    if encoding_of(body, source.encoding) != "utf-8":
        return None
    beginning = body[:BEGINNING_BYTES]
    separator = source.separator or separator_of(beginning_of(beginning, "utf-8"))
    if separator == SPACE:
        return None
    try:
        layout = layout_of(beginning, separator, source.columns)
    except InvalidTable:
        return None
    cells = arrow_cells(body, layout)
    return None if cells is None else _with_points(cells, source, packed, "utf-8", separator)


def _with_points(
    cells: pd.DataFrame, source: SourceOptions, packed: str | None, encoding: str, separator: Separator
) -> RawTable:
    cells, decimal = with_points(cells, source.decimal, separator)
    header = source.header
    read_as = ReadAs(
        format="csv", packed=packed, encoding=encoding, separator=separator, decimal=decimal, header=header
    )
    return RawTable(cells, read_as)
