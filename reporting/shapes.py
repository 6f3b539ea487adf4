"""From columns to what a plot needs: bins of both sides, and a change in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reporting.charts import Bin, Histogram, Moment, number, percent
from tabular.contract.derived import ModelInput
from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_CLASS
from tabular.predictions.sampling import Sample
from tabular.predictions.window import MISSING_CATEGORY, UNKNOWN_CATEGORY, closed_categories
from tabular.quality.two_sample import most_moved

MAX_BINS = 24
MAX_CATEGORIES = 12
MAX_MOMENTS = 60
TAILS = (0.05, 0.01, 0.005, 0.0)
"""How much of either end may be extremes, the most first: what lies between, if it is no single point, is the bulk."""

Numbers = NDArray[np.float64]


def number_histogram(
    reference: pd.Series[Any], current: pd.Series[Any], *, whole: bool, edges: Numbers | None = None
) -> Histogram:
    """Shared bins over the bulk of both sides; the end bins hold the extremes. Missing values are left out.

    `edges` are those of several plots together, as `shared_edges` gives them; of this one alone if there are none.
    """
    before, now = (_finite(series) for series in (reference, current))
    if edges is None:
        edges = shared_edges([reference, current], whole=whole)
    shares = [_shares(values, edges) for values in (before, now)]
    names = [_bin_name(low, high, whole=whole) for low, high in pairwise(edges.tolist())]
    bins = [Bin(name, *pair) for name, pair in zip(names, zip(*shares, strict=True), strict=True)]
    return Histogram(bins, _ticks(edges, whole=whole))


def shared_edges(columns: Sequence[pd.Series[Any]], *, whole: bool) -> Numbers:
    """The edges of bins over the bulk of all these columns."""
    return _edges([_finite(series) for series in columns], whole=whole)


def common_categories(feature: ModelInput, columns: Sequence[pd.Series[Any]]) -> frozenset[str]:
    """The categories that most rows of these columns have, all of them weighing alike: at most MAX_CATEGORIES."""
    shares = pd.concat([closed_categories(feature, one).value_counts(normalize=True) for one in columns], axis=1)
    total = shares.fillna(0.0).sum(axis=1)
    return frozenset(sorted(feature.categories, key=lambda name: -total.get(name, 0.0))[:MAX_CATEGORIES])


def category_bins(
    feature: ModelInput,
    reference: pd.Series[Any],
    current: pd.Series[Any],
    common: frozenset[str] | None = None,
) -> list[Bin]:
    """The categories in the contract's order, the rarest in one bin, then missing and unknown where there are any.

    `common` are those that have a bin of their own, as `common_categories` gives them for several plots together.
    """
    before, now = (closed_categories(feature, series).value_counts(normalize=True) for series in (reference, current))
    shares = {name: (float(before.get(name, 0.0)), float(now.get(name, 0.0))) for name in feature.categories}
    if common is None:
        common = common_categories(feature, [reference, current])
    bins = [Bin(name, *pair) for name, pair in shares.items() if name in common]
    rare = [pair for name, pair in shares.items() if name not in common]
    if rare:
        bins.append(Bin(f"{len(rare)} rarer categories", *(sum(side) for side in zip(*rare, strict=True))))
    extra = [
        Bin(name, float(before.get(name, 0.0)), float(now.get(name, 0.0)))
        for name in (MISSING_CATEGORY, UNKNOWN_CATEGORY)
    ]
    return bins + [bin_ for bin_ in extra if bin_.reference or bin_.current]


def class_bins(contract: Contract, reference: pd.DataFrame, current: pd.DataFrame) -> list[Bin]:
    """The predicted classes of a multiclass model in the contract's order; none of another, or without a reference."""
    if REFERENCE_CLASS not in reference or REFERENCE_CLASS not in current:
        return []
    before, now = (frame[REFERENCE_CLASS].value_counts(normalize=True) for frame in (reference, current))
    return [
        Bin(name, float(before.get(at, 0.0)), float(now.get(at, 0.0)))
        for at, name in enumerate(contract.target.classes)
    ]


def change_of_numbers(reference: pd.Series[Any], current: pd.Series[Any]) -> str:
    """How the middle moved; if it did not, the share of rows up to where the two differ most."""
    before, now = _finite(reference), _finite(current)
    if not before.size or not now.size:
        return "no values on one side"
    medians = [number(float(np.median(values))) for values in (before, now)]
    if medians[0] != medians[1]:
        return f"median {medians[0]} → {medians[1]}"
    cut, share_before, share_now = most_moved(before, now)
    return f"up to {number(cut)}: {percent(share_before)} → {percent(share_now)}"


def change_of_categories(bins: Sequence[Bin]) -> str:
    """The category whose share moved most."""
    most = max(bins, key=lambda bin_: abs(bin_.current - bin_.reference), default=None)
    return f"{most.name}: {percent(most.reference)} → {percent(most.current)}" if most else "no values"


def volume(sample: Sample, sources: Sequence[str]) -> list[Moment]:
    """Predictions over time by source, in equal buckets from the oldest to the newest."""
    predictions = sample.predictions
    if not predictions:
        return []
    times = np.array([prediction.made_at.timestamp() for prediction in predictions])
    first, last = float(times.min()), float(times.max())
    buckets = min(MAX_MOMENTS, max(1, len(predictions) // 5))
    edges = np.linspace(first, max(last, first + 1.0), buckets + 1)
    by_source = np.array([prediction.source for prediction in predictions])
    counts = [
        [sample.scaled(n) for n in np.histogram(times[by_source == source], edges)[0].tolist()] for source in sources
    ]
    form = "%H:%M:%S" if last - first < 7_200 else "%d %b %H:%M"
    zone = predictions[0].made_at.tzinfo
    names = [datetime.fromtimestamp(edge, zone).strftime(form) for edge in edges[:-1]]
    return [Moment(name, at) for name, at in zip(names, zip(*counts, strict=True), strict=True)]


def _finite(series: pd.Series[Any]) -> Numbers:
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    finite: Numbers = values[np.isfinite(values)]
    return finite


def _edges(columns: Sequence[Numbers], *, whole: bool) -> Numbers:
    bulks = [_bulk(values) for values in columns if values.size]
    if not bulks:
        return np.array([0.0, 1.0])
    low, high = min(low for low, _ in bulks), max(high for _, high in bulks)
    if whole:
        low, high = math.floor(low), math.ceil(high)
        width = max(1, math.ceil((high - low + 1) / MAX_BINS))
        bins = math.ceil((high - low + 1) / width)
        return low - 0.5 + float(width) * np.arange(bins + 1, dtype=np.float64)
    if low == high:
        half, most = abs(low) / 2 or 0.5, float(np.finfo(np.float64).max)
        low, high = max(low - half, -most), min(high + half, most)
    places = np.linspace(0.0, 1.0, MAX_BINS + 1)
    return low * (1 - places) + high * places  # high - low may be more than a float holds


def _bulk(values: Numbers) -> tuple[float, float]:
    """The least and the greatest value that is no extreme: no further out than the middle is wide."""
    for tail in TAILS:
        low, high = (float(edge) for edge in np.quantile(values, [tail, 1 - tail], method="nearest"))
        if low < high:
            reach = high / 2 - low / 2
            inside = values[(values / 2 - low / 2 >= -reach) & (values / 2 - high / 2 <= reach)]
            return float(inside.min()), float(inside.max())
    return low, high


def _shares(values: Numbers, edges: Numbers) -> list[float]:
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    shares: list[float] = (counts / max(values.size, 1)).tolist()
    return shares


def _bin_name(low: float, high: float, *, whole: bool) -> str:
    if not whole:
        return f"{number(low)} to {number(high)}"
    first, last = math.ceil(low), math.floor(high)
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def _ticks(edges: Numbers, *, whole: bool) -> list[tuple[float, str]]:
    low, high = float(edges[0]), float(edges[-1])
    if whole:
        first, last = math.ceil(low), math.floor(high)
        places = sorted({first, (first + last) // 2, last})
        return [((place - low) / (high - low), f"{place:,}") for place in places]
    return [(place, number(low + place * (high - low))) for place in (0.0, 0.5, 1.0)]
