"""Numbers with a decimal comma: told apart from thousands separators, and written with a point.

No thousands separators are read, in neither notation: `1.234` may be a thousand or one and a bit, and a wrong guess
is a wrong number that looks right.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tabular.contract.source import Decimal
from tabular.errors import Fault, InvalidTable

WITH_COMMA = r"^\s*[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
WITH_POINT = r"^\s*[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
LIKE_THOUSANDS = r"^\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*$"
KEY = "in the contract's [source]"


class _Found(NamedTuple):
    """The first cell of a kind: its column, its 1-based row and its text."""

    column: str
    row: int
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} in row {self.row} of {self.column}"


def with_points(cells: pd.DataFrame, named: Decimal | None, separator: str) -> tuple[pd.DataFrame, Decimal]:
    """The cells with a point in every number, and the decimal mark that the file has; raises InvalidTable.

    Without a name the mark is a point where commas part the cells, and where no cell is a number with a comma. Else it
    is a comma, unless a cell is a number with a point, or the commas may all be thousands separators.
    """
    if named == "." or (named is None and separator == ","):
        return cells, "."
    commas = {str(name): mask for name in cells if (mask := _matches(cells[name], WITH_COMMA)) is not None}
    if named is None and not commas:
        return cells, "."
    point = _first(cells, WITH_POINT)
    if named is None:
        if point is not None or all(_are_like_thousands(cells[name], mask) for name, mask in commas.items()):
            raise InvalidTable("the decimal mark of the file cannot be told", [_untold(cells, commas, point)])
    elif point is not None:
        raise InvalidTable("numbers of the file have both a point and a comma", [_both(point)])
    return cells.assign(**{name: _replaced(cells[name], mask) for name, mask in commas.items()}), ","


def _matches(column: pd.Series[str], pattern: str) -> pa.Array | None:
    mask = pc.match_substring_regex(_arrow(column), pattern)
    return mask if pc.any(mask).as_py() else None


def _first(cells: pd.DataFrame, pattern: str) -> _Found | None:
    for name in cells:
        mask = _matches(cells[name], pattern)
        if mask is not None:
            row = pc.index(mask, True).as_py()
            return _Found(str(name), row + 1, cells[name].iloc[row])
    return None


def _are_like_thousands(column: pd.Series[str], mask: pa.Array) -> bool:
    numbers = pc.filter(_arrow(column), mask)
    return bool(pc.all(pc.match_substring_regex(numbers, LIKE_THOUSANDS)).as_py())


def _replaced(column: pd.Series[str], mask: pa.Array) -> pd.Series[str]:
    texts = _arrow(column)
    return pd.Series(pc.if_else(mask, pc.replace_substring(texts, ",", "."), texts), column.index, dtype="str")


def _arrow(column: pd.Series[str]) -> pa.ChunkedArray:
    return pa.chunked_array(pa.array(column, from_pandas=True))


def _untold(cells: pd.DataFrame, commas: dict[str, pa.Array], point: _Found | None) -> Fault:
    name, mask = next(iter(commas.items()))
    row = pc.index(mask, True).as_py()
    comma = _Found(str(name), row + 1, cells[name].iloc[row])
    why = f"beside {point}" if point else "which may be a thousands separator"
    allowed = f'decimal = "," or decimal = "." {KEY}, and no thousands separators'
    return Fault("decimal", f"may be a comma: {comma}, {why}", allowed, comma.text, comma.row)


def _both(point: _Found) -> Fault:
    allowed = f'numbers with a decimal comma and no thousands separators, or decimal = "." {KEY}'
    return Fault(
        point.column, f"holds {point.text!r}, where the decimal mark is a comma", allowed, point.text, point.row
    )
