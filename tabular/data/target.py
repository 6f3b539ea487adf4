"""The target of a table: read from its column, or derived from two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.data.column_values import moments, target_classes, target_numbers
from tabular.encoding.dates import MINUTE_US
from tabular.encoding.values import listed

Target = tuple["pd.Series[float]", "pd.Series[Any]", dict[str, "pd.Series[bool]"]]
"""The target, with classes in the contract's own spelling, and by column of the table which rows cannot be read."""


def clean_target(contract: Contract, raw: pd.DataFrame) -> Target:
    """The target of every row, NaN where it cannot be read; below 0 is an error where the contract allows none."""
    target, labels, bad = _read(contract, raw)
    if contract.target.non_negative:
        below = target < 0
        if contract.target.keep is not None:  # what is left out anyway breaks nothing
            below &= target.between(*contract.target.keep)
        last = contract.target.columns[-1]
        bad[last] |= below
    return target, labels, bad


def _read(contract: Contract, raw: pd.DataFrame) -> Target:
    if contract.target.minutes_between is not None:
        return _minutes_between(
            contract, raw[contract.target.minutes_between[0]], raw[contract.target.minutes_between[1]]
        )
    column = raw[contract.target.column]
    if contract.target.classes:
        target, labels = target_classes(contract.target, column)
    else:
        target = labels = target_numbers(contract, column)
    return target, labels, {contract.target.column: target.isna()}


def target_allowed(contract: Contract) -> str:
    """What the target, or each column that it is derived from, may hold, in plain words."""
    if contract.target.minutes_between is not None:
        order = ", and the second not before the first" if contract.target.non_negative else ""
        return f"a date and time in ISO 8601, in every row of both columns with a time zone or in none{order}"
    if contract.target.classes:
        return f"one of {listed(contract.target.classes)}"
    tokens = contract.table.missing_tokens
    number = "a finite number of 0 or more (non_negative)" if contract.target.non_negative else "a finite number"
    return f"{number}, and no missing token ({listed(tokens)})" if tokens else number


def _minutes_between(contract: Contract, begin: pd.Series[str], end: pd.Series[str]) -> Target:
    """The minutes from one column to the other; all texts have a zone, as the first one has, or none has."""
    (before, before_zoned), (after, after_zoned) = moments(contract, begin), moments(contract, end)
    is_there = ~np.isnan(before)
    zone = bool(is_there.any() and before_zoned[is_there.argmax()])
    target = pd.Series((after - before) / MINUTE_US, begin.index, dtype="float64", name=contract.target.column)
    bad = {
        str(column.name): pd.Series(np.isnan(codes) | (zoned != zone), column.index)
        for column, codes, zoned in ((begin, before, before_zoned), (end, after, after_zoned))
    }
    return target, target, bad
