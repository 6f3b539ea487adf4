"""Numbers with a decimal comma in columns of Arrow and pandas: looked at, and written with a point."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.contract.source import Decimal
from tabular.data.formats.decimal_mark import (
    LIKE_THOUSANDS,
    WITH_COMMA,
    WITH_POINT,
    DecimalMarks,
    FoundNumber,
    is_always_point,
)

Column: TypeAlias = pa.Array | pa.ChunkedArray
Numbers: TypeAlias = NDArray[np.int64]


def add_column(marks: DecimalMarks, name: str, column: Column, numbers: Numbers | None = None) -> None:
    """The next cells of a column, as text or bytes; `numbers` are their 1-based rows, if they are not the first."""
    with_comma = pc.match_substring_regex(column, WITH_COMMA)
    if pc.any(with_comma).as_py():
        marks.comma = marks.comma or _found(name, column, with_comma, numbers)
        are_like = pc.match_substring_regex(pc.filter(column, with_comma), LIKE_THOUSANDS)
        marks.are_like_thousands = marks.are_like_thousands and bool(pc.all(are_like).as_py())
    if marks.point is None:
        marks.point = _found(name, column, has_point(column), numbers)


def with_points(cells: pd.DataFrame, named: Decimal | None, separator: str) -> tuple[pd.DataFrame, Decimal]:
    """The cells with a point in every number, and the decimal mark that the file has; raises InvalidTable.

    Without a name the mark is a point where commas part the cells, and where no cell is a number with a comma. Else it
    is a comma, unless a cell is a number with a point, or the commas may all be thousands separators.
    """
    if is_always_point(named, separator):
        return cells, "."
    marks, columns = DecimalMarks(), {str(name): _arrow(cells[name]) for name in cells}
    for name, column in columns.items():
        add_column(marks, name, column)
    if marks.decided(named) == ".":
        return cells, "."
    changed = {name: pd.Series(with_point(column), cells.index, dtype="str") for name, column in columns.items()}
    return pd.DataFrame(changed, cells.index), ","


def with_point(column: Column) -> Column:
    """The column with a point in the place of the comma of each number."""
    mask = pc.match_substring_regex(column, WITH_COMMA)
    return pc.if_else(mask, pc.replace_substring(column, ",", "."), column) if pc.any(mask).as_py() else column


def has_point(column: Column) -> pa.Array | pa.ChunkedArray:
    """Which cells are numbers with a decimal point."""
    return pc.match_substring_regex(column, WITH_POINT)


def _found(name: str, column: Column, mask: pa.Array, numbers: Numbers | None) -> FoundNumber | None:
    at = pc.index(mask, True).as_py()
    if at < 0:
        return None
    text = column[at].as_py()
    return FoundNumber(
        name, at + 1 if numbers is None else int(numbers[at]), text.decode() if isinstance(text, bytes) else text
    )


def _arrow(column: pd.Series[str]) -> pa.ChunkedArray:
    return pa.chunked_array(pa.array(column, from_pandas=True))
