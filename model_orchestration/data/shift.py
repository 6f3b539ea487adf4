"""Has a column moved between two tables? For the data checks of training.

The tests and limits are those of live drift (tabular/quality/two_sample.py): beyond chance, corrected for testing every
column, and large enough to matter, for on a big table any trifle is beyond chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tabular.contract.types import Contract
from tabular.data.table import CleanTable
from tabular.quality.two_sample import (
    JENSEN_SHANNON,
    KS_DISTANCE,
    MIN_DISTANCE,
    chi_square_p_value,
    holm,
    is_drift,
    jensen_shannon,
    ks_distance,
    ks_p_value,
)
from tabular.predictions.window import comparable, presence

MEASURES = {KS_DISTANCE: "Kolmogorov-Smirnov distance", JENSEN_SHANNON: "Jensen-Shannon distance"}


@dataclass(frozen=True)
class Shift:
    """One column that moved: what moved in it, by which distance, and how likely that is by chance (corrected)."""

    column: str
    what: str
    method: str
    distance: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"{self.column}: {self.what} moved since the last accepted version: {MEASURES[self.method]} "
            f"{self.distance:.2f}, {MIN_DISTANCE[self.method]:g} or more matters (p = {self.p_value:.1g})"
        )


def moved(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[Shift]:
    """The features, and the target, whose distribution moved between the accepted table and this one."""
    found = list(_shifts(contract, table, accepted))
    corrected = holm(np.array([shift.p_value for shift in found])).tolist()
    by_column: dict[str, Shift] = {}
    for one, p_value in zip(found, corrected, strict=True):
        shift = Shift(one.column, one.what, one.method, one.distance, p_value)
        known = by_column.get(shift.column)
        if is_drift(p_value, shift.distance, shift.method) and (known is None or p_value < known.p_value):
            by_column[shift.column] = shift
    return list(by_column.values())


def _shifts(contract: Contract, table: CleanTable, accepted: CleanTable) -> Iterator[Shift]:
    """Every test, with its raw p-value: values, the presence of numbers, the target."""
    before, now = (comparable(one.features, contract) for one in (accepted, table))
    for feature in contract.features:
        name = feature.name
        if not feature.is_numeric:
            yield _of_labels(name, "the mix of labels", before[name], now[name])
            continue
        yield _of_labels(name, "the share of missing values", before[presence(name)], now[presence(name)])
        yield from _of_numbers(name, before[name], now[name])
    target = contract.target
    if target.classes:
        yield _of_labels(f"target {target.column}", "the mix of classes", accepted.raw_target, table.raw_target)
    else:
        yield from _of_numbers(f"target {target.column}", accepted.target, table.target)


def _of_numbers(column: str, before: pd.Series[Any], now: pd.Series[Any]) -> Iterator[Shift]:
    before, now = before.dropna(), now.dropna()
    if len(before) and len(now):
        p_value = ks_p_value(before, now)
        yield Shift(column, "the distribution of values", KS_DISTANCE, ks_distance(before, now), p_value)


def _of_labels(column: str, what: str, before: pd.Series[str], now: pd.Series[str]) -> Shift:
    return Shift(column, what, JENSEN_SHANNON, jensen_shannon(before, now), chi_square_p_value(before, now))
