"""Two samples of one column: how likely their difference is by chance, and how large it is.

The monitor, the reports and the data checks of training all ask here, so that they judge alike. The Kolmogorov-Smirnov
test and its distance look at nothing but the order of the values: no unit, no constant factor and no few extremes can
change what they say. A mean or a standard deviation would let one absurd value hide any shift.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ALPHA = 0.01
KS, KS_DISTANCE = "ks", "ks_distance"
CHI_SQUARE, JENSEN_SHANNON = "two_sample_chisquare", "jensenshannon"
MIN_DISTANCE: Mapping[str, float] = {KS_DISTANCE: 0.05, JENSEN_SHANNON: 0.05}
MIN_EXPECTED_COUNT = 5.0

Numbers = NDArray[np.float64]


def is_drift(p_value: float, distance: float, distance_method: str) -> bool:
    """True if a change is both certain (`p_value` is corrected for the number of tests) and large enough to matter."""
    return p_value < ALPHA and distance >= MIN_DISTANCE[distance_method]


def holm(p_values: Numbers) -> Numbers:
    """Holm's step-down correction: adjusted p-values in the order given."""
    order = np.argsort(p_values)
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def ks_p_value(reference: pd.Series[Any], current: pd.Series[Any]) -> float:
    """The p-value of the two-sample Kolmogorov-Smirnov test; neither side is empty or has missing values."""
    return _ks(reference, current)[1]


def ks_distance(reference: pd.Series[Any], current: pd.Series[Any]) -> float:
    """The Kolmogorov-Smirnov distance, 0 to 1: by how much the share of rows below some value differs, at most."""
    return _ks(reference, current)[0]


def most_moved(reference: Numbers, current: Numbers) -> tuple[float, float, float]:
    """The value where the Kolmogorov-Smirnov distance is reached, and the share of each side's rows up to it."""
    cuts = np.unique(np.concatenate([reference, current]))
    shares = [np.searchsorted(np.sort(side), cuts, side="right") / len(side) for side in (reference, current)]
    at = int(np.argmax(np.abs(shares[0] - shares[1])))
    return float(cuts[at]), float(shares[0][at]), float(shares[1][at])


def chi_square_p_value(reference: pd.Series[str], current: pd.Series[str]) -> float:
    """The p-value of a two-sample chi-square test, which allows for the reference being a sample too."""
    from scipy.stats import chi2_contingency

    counts = _pooled(_counts(reference, current))
    return float(chi2_contingency(counts, correction=False)[1]) if len(counts) > 1 else 1.0


def jensen_shannon(reference: pd.Series[str], current: pd.Series[str]) -> float:
    """The Jensen-Shannon distance between the shares of labels, 0 to 0.83."""
    from scipy.spatial.distance import jensenshannon

    counts = _counts(reference, current)
    return float(jensenshannon(counts[:, 0], counts[:, 1]))


def _ks(reference: pd.Series[Any], current: pd.Series[Any]) -> tuple[float, float]:
    from scipy.stats import ks_2samp

    found = ks_2samp(reference.to_numpy(), current.to_numpy(), method="asymp")
    p_value = float(found.pvalue)
    # Of one value on each side the approximation gives no number; they show nothing, whatever they are.
    return float(found.statistic), 1.0 if math.isnan(p_value) else p_value


def _counts(reference: pd.Series[str], current: pd.Series[str]) -> Numbers:
    """Rows of either side (columns) by label (rows)."""
    counted = [reference.value_counts(), current.value_counts()]
    found: Numbers = pd.concat(counted, axis=1).fillna(0.0).to_numpy(dtype=np.float64)
    return found


def _pooled(counts: Numbers) -> Numbers:
    """Merge the rarest levels (rows) until every cell's expected count reaches MIN_EXPECTED_COUNT."""
    counts = counts[np.argsort(counts.sum(axis=1), kind="stable")]
    expected = counts.sum(axis=1) * counts.sum(axis=0).min() / counts.sum()
    if expected[0] >= MIN_EXPECTED_COUNT:
        return counts
    merged = int(np.searchsorted(np.cumsum(expected), MIN_EXPECTED_COUNT)) + 1
    return np.vstack([counts[:merged].sum(axis=0), counts[merged:]])
