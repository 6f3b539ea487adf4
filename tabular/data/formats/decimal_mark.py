"""The decimal mark of a table's numbers: told apart from thousands separators, one cell or many at a time.

No thousands separators are read, in neither notation: `1.234` may be a thousand or one and a bit, and a wrong guess
is a wrong number that looks right.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tabular.contract.source import Decimal
from tabular.errors import Fault, InvalidTable

WITH_COMMA = r"^\s*[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
WITH_POINT = r"^\s*[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\s*$"
LIKE_THOUSANDS = r"^\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*$"
KEY = "in the contract's [source]"


class FoundNumber(NamedTuple):
    """The first cell of a kind: its column, its 1-based row and its text."""

    column: str
    row: int
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} in row {self.row} of {self.column}"


class DecimalMarks:
    """What the numbers of a table say of its decimal mark, gathered part by part.

    `comma` and `point` are the first number with each; `are_like_thousands` says whether all those with a comma may be
    thousands.
    """

    def __init__(self) -> None:
        self.comma: FoundNumber | None = None
        self.point: FoundNumber | None = None
        self.are_like_thousands = True

    def add_cell(self, found: FoundNumber) -> None:
        """The next cell, whatever it holds."""
        if "," in found.text and re.match(WITH_COMMA, found.text):
            self.comma = self.comma or found
            self.are_like_thousands = self.are_like_thousands and re.match(LIKE_THOUSANDS, found.text) is not None
        elif self.point is None and "." in found.text and re.match(WITH_POINT, found.text):
            self.point = found

    def decided(self, named: Decimal | None) -> Decimal:
        """The mark of the file, of which `named` is what the contract says; raises InvalidTable if it is not sure."""
        if named == "." or (named is None and self.comma is None):
            return "."
        if named is None and self.comma is not None and (self.point is not None or self.are_like_thousands):
            raise InvalidTable("the decimal mark of the file cannot be determined", [_untold(self.comma, self.point)])
        if self.point is not None:
            raise InvalidTable("numbers of the file have both a point and a comma", [point_fault(self.point)])
        return ","


def is_always_point(named: Decimal | None, separator: str) -> bool:
    """True if the numbers need not be looked at: the contract says a point, or nothing and commas part the cells."""
    return named == "." or (named is None and separator == ",")


def cell_with_point(text: str) -> str:
    """The cell with a point in the place of its comma, if it is a number with one."""
    return text.replace(",", ".") if "," in text and re.match(WITH_COMMA, text) else text


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
