"""The columns of a table as what a page shows of them: counts of all rows, shapes of a sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reporting.charts import Bin, Histogram
from reporting.shapes import category_bins, number_histogram
from tabular.contract.derived import ModelInput
from tabular.contract.features import Feature
from tabular.data.rows.arrow_cells import arrow_cells
from tabular.quality.association import Binned, binned_categories, binned_numbers

DATE_BINS = 24
QUANTILES = {"lowest": 0.0, "lower quartile": 0.25, "median": 0.5, "upper quartile": 0.75, "highest": 1.0}


class Counts(msgspec.Struct, frozen=True):
    """What all rows of a column tell: how many are missing, and how many different values there are."""

    missing: int
    distinct: int


def counts_of(cells: pd.Series[str], missing: Sequence[str]) -> Counts:
    """Count the cells of a column; `missing` are the texts that mean "not known", beside the empty one."""
    texts = arrow_cells(cells)
    is_missing = pc.is_in(texts, pa.array(sorted({"", *missing}), texts.type))
    known = texts.filter(pc.invert(is_missing))
    return Counts(int(pc.sum(is_missing).as_py() or 0), int(pc.count_distinct(known).as_py()))


def missing_texts(cells: pd.Series[str], values: pd.Series[Any], is_invalid: pd.Series[bool]) -> list[str]:
    """The different texts of a sample that were read as missing."""
    return [str(text) for text in cells[values.isna() & ~is_invalid].unique()]


def seconds_of(values: pd.Series[Any]) -> pd.Series[float]:
    """Datetimes as seconds since 1970, NaN where missing."""
    seconds = values.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
    return pd.Series(np.where(values.isna(), np.nan, seconds), values.index)


def bins_of(feature: Feature, values: pd.Series[Any]) -> Binned:
    """The rows of a feature in bins that can be compared with those of any other."""
    if feature.is_datetime:
        found = binned_numbers(seconds_of(values), digits=12)
        return Binned(found.bins, tuple(map(_dated, found.names)))
    return binned_numbers(values) if feature.is_numeric else binned_categories(values)


def plot_of(feature: Feature, values: pd.Series[Any], earlier: pd.Series[Any] | None) -> Histogram | list[Bin]:
    """The distribution of a feature, beside the earlier one if there is one; else both sides of a bin are the same."""
    before = values if earlier is None else earlier
    if feature.is_datetime:
        return _dates(seconds_of(before), seconds_of(values))
    if feature.is_numeric:
        return number_histogram(before, values, whole=feature.kind == "integer")
    categories = feature.categories or tuple(str(name) for name in values.value_counts().index)
    known = ModelInput(feature.name, feature.kind, categories=categories)
    return category_bins(known, before, values)


def figures_of(feature: Feature, values: pd.Series[Any]) -> dict[str, float | str]:
    """The quartiles of numbers and dates, their mean, and the most frequent category of the others."""
    if feature.has_categories:
        counts = values.value_counts()
        return {"most frequent": str(counts.index[0])} if len(counts) else {}
    numbers = seconds_of(values) if feature.is_datetime else values.astype(np.float64)
    known = numbers.dropna().to_numpy()
    if not known.size:
        return {}
    found: dict[str, float | str] = {name: float(np.quantile(known, share)) for name, share in QUANTILES.items()}
    if feature.is_datetime:
        return {name: _date(float(at)) for name, at in found.items()}
    return found | {"mean": float(known.mean()), "standard deviation": float(known.std())}


def _dates(before: pd.Series[float], now: pd.Series[float]) -> Histogram:
    known = pd.concat([before, now]).dropna().to_numpy()
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1), DATE_BINS + 1)
    shares = [np.histogram(side.dropna(), edges)[0] / max(int(side.notna().sum()), 1) for side in (before, now)]
    names = [f"{_date(first)} to {_date(last)}" for first, last in pairwise(edges.tolist())]
    bins = [Bin(name, float(one), float(other)) for name, one, other in zip(names, *shares, strict=True)]
    return Histogram(bins, [(place, _date(low + place * (high - low))[:10]) for place in (0.0, 0.5, 1.0)])


def _date(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "-"
    moment = np.datetime64(round(seconds), "s")
    return str(moment).replace("T", " ")


def _dated(name: str) -> str:
    lead, _, number = name.partition(" ")
    return f"{lead} {_date(float(number))}" if number and not name.startswith("(") else name
