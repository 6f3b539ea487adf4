"""CSVs through Arrow: whole, for large tables, and the options with which they are read in batches, too.

The strict reader (`tabular/data/formats/csv_cells.py`) is the arbiter. Arrow is asked only for text in UTF-8 whose
quotes it reads alike (`quote_kinds`); what it objects to, the strict reader names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tabular.data.formats.csv_layout import CsvLayout
from tabular.data.formats.quote_kinds import Quotes, quotes_in

BLOCK_BYTES = 16_000_000
"""So much of a CSV is read at once; one row may not be longer."""
WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What `str.strip` cuts."""


def parse_options(
    separator: str, quotes: Quotes, on_ragged: Callable[[Any], str] | None = None
) -> arrow_csv.ParseOptions:
    """How Arrow parses rows; `on_ragged` is asked about each of another width."""
    has_quotes = quotes is not Quotes.NONE
    return arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=has_quotes, invalid_row_handler=on_ragged)


def convert_options(names: Sequence[str], kind: pa.DataType) -> arrow_csv.ConvertOptions:
    """These columns as text or bytes, the empty cell as empty text; that it is UTF-8 is checked of text."""
    return arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, kind),
        include_columns=list(names),
        strings_can_be_null=False,
        check_utf8=not pa.types.is_binary(kind),
    )


def arrow_cells(body: bytes, layout: CsvLayout) -> pd.DataFrame | None:
    """The cells of a CSV in UTF-8, stripped, under their names; None if only the strict reader can tell."""
    names = list(layout.header)
    if len(names) < layout.width or not all(names) or len(set(names)) < len(names) or b"\0" in body:
        return None
    quotes = quotes_in((body,), layout.separator)
    if quotes is Quotes.ODD:
        return None
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body).slice(layout.start)),
            arrow_csv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
            parse_options(layout.separator, quotes),
            convert_options(names, pa.large_string()),
        )
    except pa.ArrowInvalid:
        return None
    has_more_lines = quotes is not Quotes.NONE and _has_more_lines(body, layout.start, len(table))
    if has_more_lines and any(_has_line_ends(column) for column in table.columns):
        return None  # it may hold rows that a stray quote swallows
    trim = pc.ascii_trim if body.isascii() else pc.utf8_trim
    cells = {}
    for name in names:
        cells[name] = pd.Series(trim(table[name], WHITESPACE), dtype="str")
        table = table.drop_columns(name)  # so that the table is not held twice
    return pd.DataFrame(cells, copy=False)


def _has_more_lines(body: bytes, start: int, rows: int) -> bool:
    """True if there may be a line end that ends no row; looking for one in each cell takes as long as parsing."""
    line_ends = body.count(b"\n", start) + (not body.endswith(b"\n"))
    return line_ends != rows or body.count(b"\r", start) != body.count(b"\r\n", start)


def _has_line_ends(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, r"[\r\n]")).as_py())
