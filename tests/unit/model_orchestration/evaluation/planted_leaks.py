"""Leaks planted into a clean table: one numeric feature of it takes values that tell the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.data.table import CleanTable

Values = NDArray[Any]


def victim(contract: Contract) -> str:
    """The numeric feature whose place a leak takes: a number, or an integer where there is none."""
    numeric = [feature for feature in contract.features if feature.is_numeric]
    return min(numeric, key=lambda feature: feature.kind == "integer").name


def planted(contract: Contract, table: CleanTable, values: Values) -> CleanTable:
    """The table with these values in the place of the victim's."""
    return CleanTable(table.features.assign(**{victim(contract): values}), table.target, table.raw_target)


def exact_copy(target: Values, _: np.random.Generator) -> Values:
    return target.copy()


def copy_with_noise(target: Values, draw: np.random.Generator) -> Values:
    """One label in a hundred is wrong."""
    wrong = draw.random(len(target)) < 0.01
    return np.where(wrong, 1 - target, target)


def telling(target: Values, draw: np.random.Generator) -> Values:
    """Two normal distributions 2.9 standard deviations apart: ROC-AUC 0.98."""
    return draw.normal(size=len(target)) + 2.9 * target


def missing_unless_positive(target: Values, draw: np.random.Generator) -> Values:
    """A value that says nothing, and stands where the outcome is positive; in a twentieth of the rows it errs."""
    is_there = (target == 1) ^ (draw.random(len(target)) < 0.05)
    return np.where(is_there, draw.normal(size=len(target)), np.nan)


LEAKS: Mapping[str, Callable[[Values, np.random.Generator], Values]] = {
    "exact copy": exact_copy,
    "copy with 1 % noise": copy_with_noise,
    "ROC-AUC 0.98 alone": telling,
    "missing unless positive": missing_unless_positive,
}
