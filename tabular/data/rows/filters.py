"""The rows of a table that a contract's `[[filters]]` keep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.canonical import canonical, number_in
from tabular.contract.rows.filters import Filter
from tabular.contract.types import Contract

ALLOWED = "a number, for [[filters]] compares it with min or max"


class FilteredColumn(NamedTuple):
    """One filter on its column: which rows it keeps, and which cells are no number though it compares numbers."""

    column: str
    is_kept: NDArray[np.bool_]
    bad: pd.Series[bool]


def filtered(contract: Contract, raw: pd.DataFrame) -> list[FilteredColumn]:
    """What each filter makes of the table's cells, in the order of the contract; each different cell is read once."""
    return [_filtered(one, raw[one.column], contract) for one in contract.filters]


def _filtered(one: Filter, cells: pd.Series[str], contract: Contract) -> FilteredColumn:
    outcomes = {text: _keeps(one, text, contract) for text in cells.unique()}
    found = cells.map(outcomes).astype("float64")
    return FilteredColumn(one.column, (found == 1).to_numpy(), found.isna())


def _keeps(one: Filter, text: str, contract: Contract) -> bool | None:
    """Whether a cell passes the filter; None if it should be a number and is none."""
    if contract.is_missing(text):
        return not (one.not_missing or one.compares_numbers or one.one_of)
    if one.compares_numbers:
        number = number_in(text)
        low, high = one.limits
        return None if number is None else low <= number <= high
    form = canonical(text)
    is_wanted = not one.one_of or form in map(canonical, one.one_of)
    return is_wanted and form not in map(canonical, one.none_of)


def passing(one: Filter) -> str:
    """A cell that passes the filter: what synthetic rows hold in a column that nothing else asks for."""
    if one.compares_numbers:
        return str(one.min if one.min is not None else one.max)
    return one.one_of[0] if one.one_of else "other" if "other" not in one.none_of else "another"
