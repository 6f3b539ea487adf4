"""Numbers with a decimal comma: told apart from thousands separators, and written with a point.

No thousands separators are read, in neither notation: `1.234` may be a thousand or one and a bit, and a wrong guess
is a wrong number that looks right.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.contract.source import Decimal
from tabular.errors import Fault, InvalidTable

WITH_COMMA = r"^\s*[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
WITH_POINT = r"^\s*[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
LIKE_THOUSANDS = r"^\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*$"
KEY = "in the contract's [source]"

Column: TypeAlias = pa.Array | pa.ChunkedArray
Numbers: TypeAlias = NDArray[np.int64]


class FoundNumber(NamedTuple):
    """The first cell of a kind: its column, its 1-based row and its text."""

    column: str
    row: int
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} in row {self.row} of {self.column}"


class DecimalMarks:
    """What the numbers of a table say of its decimal mark, gathered column by column and part by part."""

    def __init__(self) -> None:
        self._comma: FoundNumber | None = None
        self._point: FoundNumber | None = None
        self._are_like_thousands = True

    def add(self, name: str, column: Column, numbers: Numbers | None = None) -> None:
        """The next cells of a column, as text or bytes; `numbers` are their 1-based rows, if they are not the first."""
        with_comma = pc.match_substring_regex(column, WITH_COMMA)
        if pc.any(with_comma).as_py():
            self._comma = self._comma or _found(name, column, with_comma, numbers)
            are_like = pc.match_substring_regex(pc.filter(column, with_comma), LIKE_THOUSANDS)
            self._are_like_thousands = self._are_like_thousands and pc.all(are_like).as_py()
        if self._point is None:
            self._point = _found(name, column, has_point(column), numbers)

    def decided(self, named: Decimal | None) -> Decimal:
        """The mark of the file, of which `named` is what the contract says; raises InvalidTable if it is not sure."""
        if named == "." or (named is None and self._comma is None):
            return "."
        if named is None and self._comma is not None and (self._point is not None or self._are_like_thousands):
            raise InvalidTable("the decimal mark of the file cannot be told", [_untold(self._comma, self._point)])
        if self._point is not None:
            raise InvalidTable("numbers of the file have both a point and a comma", [point_fault(self._point)])
        return ","


def is_always_point(named: Decimal | None, separator: str) -> bool:
    """True if the numbers need not be looked at: the contract says a point, or nothing and commas part the cells."""
    return named == "." or (named is None and separator == ",")


def with_points(cells: pd.DataFrame, named: Decimal | None, separator: str) -> tuple[pd.DataFrame, Decimal]:
    """The cells with a point in every number, and the decimal mark that the file has; raises InvalidTable.

    Without a name the mark is a point where commas part the cells, and where no cell is a number with a comma. Else it
    is a comma, unless a cell is a number with a point, or the commas may all be thousands separators.
    """
    if is_always_point(named, separator):
        return cells, "."
    marks, columns = DecimalMarks(), {str(name): _arrow(cells[name]) for name in cells}
    for name, column in columns.items():
        marks.add(name, column)
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


def _untold(comma: FoundNumber, point: FoundNumber | None) -> Fault:
    why = f"beside {point}" if point else "which may be a thousands separator"
    allowed = f'decimal = "," or decimal = "." {KEY}, and no thousands separators'
    return Fault("decimal", f"may be a comma: {comma}, {why}", allowed, comma.text, comma.row)


def point_fault(point: FoundNumber) -> Fault:
    """The fault of a number with a point in a file whose decimal mark is a comma."""
    allowed = f'numbers with a decimal comma and no thousands separators, or decimal = "." {KEY}'
    return Fault(
        point.column, f"holds {point.text!r}, where the decimal mark is a comma", allowed, point.text, point.row
    )
