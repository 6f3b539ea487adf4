"""What is to be predicted, as a profile sets each column against it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reporting.table_profile.columns import bins_of
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.column_values import feature_values
from tabular.data.target import clean_target
from tabular.quality.association import Binned, binned_categories, binned_numbers


class BinOfTarget(msgspec.Struct, frozen=True):
    """The rows of one bin of a column: their share of all, and what the target is there."""

    name: str
    share: float
    target: float


@dataclass(frozen=True)
class ProfiledTarget:
    """The target of some rows: in bins, and as the number whose mean is told, NaN where it is not known.

    `measure` says what that mean is; an empty one that there is none, for several classes have no mean. `column` is
    where it stands, None for one that is derived from others.
    """

    column: str | None
    bins: Binned
    numbers: NDArray[np.float64]
    measure: str


def target_of(contract: Contract, some: pd.DataFrame) -> ProfiledTarget:
    """The target of a contract, of these rows."""
    read, labels, _ = clean_target(contract, some)
    numbers = np.asarray(read, dtype=np.float64)
    target = contract.target
    column = None if target.minutes_between else target.column
    if not target.classes:
        return ProfiledTarget(column, binned_numbers(read), numbers, f"mean of {target.column}")
    measure = f"share of {target.positive!r}" if target.positive else ""
    return ProfiledTarget(column, binned_categories(labels.astype(object)), numbers, measure)


def target_in(contract: Contract, column: str, some: pd.DataFrame) -> ProfiledTarget:
    """The target of a table without a contract: one of its columns, of which `contract` knows the kind."""
    feature = next(one for one in contract.features if one.column == column)
    values = feature_values(feature, some[column], contract).values
    bins = bins_of(feature, values)
    if feature.is_numeric:
        return ProfiledTarget(column, bins, values.to_numpy(dtype=np.float64), f"mean of {column}")
    positive = _positive(feature, values)
    if positive is None:
        return ProfiledTarget(column, bins, np.full(len(some), np.nan), "")
    numbers = np.where(values.isna(), np.nan, values == positive).astype(np.float64)
    return ProfiledTarget(column, bins, numbers, f"share of {positive!r}")


def by_bin(bins: Binned, target: ProfiledTarget) -> tuple[BinOfTarget, ...]:
    """What the target is in each bin of a column; empty where it has no mean."""
    if not target.measure:
        return ()
    is_known = ~np.isnan(target.numbers)
    found, count = bins.bins[is_known], len(bins.names)
    rows = np.bincount(found, minlength=count)
    sums = np.bincount(found, target.numbers[is_known], minlength=count)
    return tuple(
        BinOfTarget(name, float(size / max(len(bins.bins), 1)), float(total / size))
        for name, size, total in zip(bins.names, rows, sums, strict=True)
        if size
    )


def _positive(feature: Feature, values: pd.Series[str]) -> str | None:
    """The class of two whose share is told: the one that says yes, or the rarer one."""
    counts = values.value_counts()
    if feature.is_boolean:
        return feature.categories[1]
    return str(counts.index[-1]) if len(counts) == 2 else None
