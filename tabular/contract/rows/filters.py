"""The contract's `[[filters]]`: which rows of the table are trained and tested on, as data."""

from __future__ import annotations

import math

import msgspec

COMPARISONS = ("min", "max", "one_of", "none_of", "not_missing")


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a row must hold in one column of the table to be kept; all that is given must hold.

    `min` and `max` are numbers, both included; `one_of` and `none_of` are texts in any spelling. A missing value is
    within no limits and one of nothing, but it is none of `none_of`.
    """

    column: str
    min: float | None = None
    max: float | None = None
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    not_missing: bool = False

    @property
    def compares_numbers(self) -> bool:
        """True if the cells must be numbers."""
        return self.min is not None or self.max is not None

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest number that is kept."""
        return (-math.inf if self.min is None else self.min, math.inf if self.max is None else self.max)


def filter_faults(filters: tuple[Filter, ...], target: str) -> list[str]:
    """What is wrong with the filters, each fault with its position; `target` is the column of the target."""
    return [f"filters.{at}: {fault}" for at, one in enumerate(filters) for fault in _faults(one, target)]


def _faults(one: Filter, target: str) -> list[str]:
    faults = []
    if not one.column or one.column != one.column.strip():
        faults.append(f"column {one.column!r} is empty or has spaces around it")
    if one.column == target:
        faults.append(f"{target} is the target. Rows by a number to predict are kept with target.keep")
    if not (one.compares_numbers or one.one_of or one.none_of or one.not_missing):
        faults.append(f"{one.column} is compared with nothing: give one or more of {', '.join(COMPARISONS)}")
    low, high = one.limits
    if not all(math.isfinite(each) for each in (one.min, one.max) if each is not None) or low > high:
        faults.append(f"min and max of {one.column} must be finite numbers in rising order, not {low:g} and {high:g}")
    if one.compares_numbers and (one.one_of or one.none_of):
        faults.append(f"{one.column} is compared as a number and as text: use min and max, or one_of and none_of")
    return faults
