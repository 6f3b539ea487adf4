"""Large CSVs by columns, through Arrow: the cells that the strict reader gives, or None where that is not sure.

The strict reader (`tabular/data/formats/csv_cells.py`) is the arbiter. Arrow is asked only for text in UTF-8 in which
every quote opens or closes a whole cell of one line, so that the two cannot differ; what it objects to, the strict
reader names.
"""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from tabular.contract.source import Separator

BLOCK_BYTES = 16 * 1024**2
WHITESPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What `str.strip` cuts."""
QUOTE, NUL = ord('"'), 0
LINE_ENDS = (ord("\n"), ord("\r"))

Bytes = NDArray[np.uint8]


def arrow_cells(body: bytes, separator: Separator, columns: tuple[str, ...] = ()) -> pd.DataFrame | None:
    """The cells of a CSV in UTF-8, stripped, under its header or these `columns`; None if only the strict reader can.

    It must hold more than a header, and no byte order mark.
    """
    header, start = (list(columns), 0) if columns else _header(body, separator)
    if not header or not all(header) or len(set(header)) != len(header) or not _is_plain(body, separator):
        return None
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body).slice(start)),
            arrow_csv.ReadOptions(column_names=header, block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(delimiter=separator),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=False, check_utf8=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    trim = pc.ascii_trim if body.isascii() else pc.utf8_trim
    return pd.DataFrame({name: pd.Series(trim(table[name], WHITESPACE), dtype="str") for name in header})


def _header(body: bytes, separator: Separator) -> tuple[list[str], int]:
    """The names in the first line that is not empty, and where the next begins; no names if there is none."""
    start = len(body) - len(body.lstrip(b"\r\n"))
    ends = [at for end in (b"\n", b"\r") if (at := body.find(end, start)) >= 0]
    if not ends:
        return [], 0
    try:
        line = body[start : min(ends)].decode()
        (cells,) = csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        return [], 0
    return [cell.strip() for cell in cells], min(ends)


def _is_plain(body: bytes, separator: Separator) -> bool:
    """True if every quote opens or closes a cell that stands in one line, and no byte is zero."""
    everything = np.frombuffer(body, dtype=np.uint8)
    start = 0
    while start < len(body):
        end = body.rfind(b"\n", start, start + BLOCK_BYTES) + 1 or min(len(body), start + BLOCK_BYTES)
        if not _is_plain_block(everything[start:end], ord(separator)):
            return False
        start = end
    return b"\0" not in body


def _is_plain_block(block: Bytes, separator: int) -> bool:
    quotes = np.flatnonzero(block == QUOTE)
    if not len(quotes):
        return True
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    edges = np.array([separator, *LINE_ENDS], dtype=np.uint8)
    before = block[opening[opening > 0] - 1]
    after = block[closing[closing < len(block) - 1] + 1]
    line_ends = np.flatnonzero((block == LINE_ENDS[0]) | (block == LINE_ENDS[1]))
    in_one_line = np.array_equal(np.searchsorted(line_ends, opening), np.searchsorted(line_ends, closing))
    return bool(in_one_line and np.isin(before, edges).all() and np.isin(after, edges).all())
