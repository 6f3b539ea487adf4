"""Two samples of one column: how likely their difference is by chance, and how large it is.

Drift (drift.py) is measured by these, for the monitor, the reports and the data checks of training. The
Kolmogorov-Smirnov test and its distance depend on nothing but the order of the values: no unit, no constant factor and
no few extremes can change what they say. A mean or a standard deviation would let one absurd value hide any shift.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ALPHA = 0.01
KS, KS_DISTANCE = "ks", "ks_distance"
CHI_SQUARE, JENSEN_SHANNON = "two_sample_chisquare", "jensenshannon"
MIN_DISTANCE: Mapping[str, float] = {KS_DISTANCE: 0.05, JENSEN_SHANNON: 0.05}
METHOD_NAMES: Mapping[str, str] = {
    KS: "Kolmogorov-Smirnov",
    KS_DISTANCE: "Kolmogorov-Smirnov",
    CHI_SQUARE: "two-sample chi-square",
    JENSEN_SHANNON: "Jensen-Shannon",
}
MIN_EXPECTED_COUNT = 5.0

Numbers = NDArray[np.float64]


class Difference(NamedTuple):
    """How two samples differ: the p-value of a test, not corrected, and a distance."""

    p_value: float
    distance: float


def is_drift(p_value: float, distance: float, distance_method: str, alpha: float = ALPHA) -> bool:
    """True if a change is both certain (`p_value` is corrected for the number of tests) and large enough to matter."""
    return p_value < alpha and distance >= MIN_DISTANCE[distance_method]


def holm(p_values: Numbers) -> Numbers:
    """Holm's step-down correction: adjusted p-values in the order given."""
    order = np.argsort(p_values)
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def of_numbers(reference: pd.Series[Any], current: pd.Series[Any]) -> Difference:
    """The two-sample Kolmogorov-Smirnov test and its distance; neither side is empty or has missing values.

    The distance, 0 to 1, is by how much the share of rows below some value differs, at most.
    """
    from scipy.stats import ks_2samp

    found = ks_2samp(reference.to_numpy(), current.to_numpy(), method="asymp")
    p_value = float(found.pvalue)
    # Of one value on each side the approximation gives no number; they show nothing, whatever they are.
    return Difference(1.0 if math.isnan(p_value) else p_value, float(found.statistic))


def of_categories(reference: pd.Series[str], current: pd.Series[str]) -> Difference:
    """A two-sample chi-square test, which allows for the reference being a sample too, and the Jensen-Shannon distance.

    The distance, between the shares of the categories, is 0 to 0.83; neither side is empty or has missing values.
    """
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    counts = _counts(reference, current)
    pooled = _pooled(counts)
    p_value = float(chi2_contingency(pooled, correction=False)[1]) if len(pooled) > 1 else 1.0
    return Difference(p_value, float(jensenshannon(counts[:, 0], counts[:, 1])))


def most_moved(reference: Numbers, current: Numbers) -> tuple[float, float, float]:
    """The value where the Kolmogorov-Smirnov distance is reached, and the share of each side's rows up to it."""
    cuts = np.unique(np.concatenate([reference, current]))
    shares = [np.searchsorted(np.sort(side), cuts, side="right") / len(side) for side in (reference, current)]
    at = int(np.argmax(np.abs(shares[0] - shares[1])))
    return float(cuts[at]), float(shares[0][at]), float(shares[1][at])


def _counts(reference: pd.Series[str], current: pd.Series[str]) -> Numbers:
    """Rows of either side (columns) by category (rows)."""
    counted = [reference.value_counts(), current.value_counts()]
    found: Numbers = pd.concat(counted, axis=1).fillna(0.0).to_numpy(dtype=np.float64)
    return found


def _pooled(counts: Numbers) -> Numbers:
    """Merge the rarest categories (rows) until every cell's expected count reaches MIN_EXPECTED_COUNT."""
    counts = counts[np.argsort(counts.sum(axis=1), kind="stable")]
    expected = counts.sum(axis=1) * counts.sum(axis=0).min() / counts.sum()
    if expected[0] >= MIN_EXPECTED_COUNT:
        return counts
    merged = int(np.searchsorted(np.cumsum(expected), MIN_EXPECTED_COUNT)) + 1
    return np.vstack([counts[:merged].sum(axis=0), counts[merged:]])
