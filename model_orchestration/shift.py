"""Has a column moved between two tables? Two-sample tests, for the data checks of training.

A column counts as moved only if the difference is both beyond chance (corrected for testing every column) and large
enough to matter: on a big table any trifle is beyond chance. Live drift is another matter: see tabular.drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

from tabular.table import CleanTable

ALPHA = 0.01
MIN_EFFECT = 0.1
"""The smallest difference that matters: of the distribution functions (numbers), or of the shares in all (labels)."""


@dataclass(frozen=True)
class Shift:
    """One column that moved: by how much (0 to 1), and how likely that is by chance."""

    column: str
    effect: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"{self.column}: has moved since the last accepted version by {self.effect:.2f} on a scale of 0 to 1 "
            f"(p = {self.p_value:.1g})"
        )


def moved(table: CleanTable, accepted: CleanTable) -> list[Shift]:
    """The features, and the target, whose distribution moved between the accepted table and this one."""
    columns = {str(name): (table.features[name], accepted.features[name]) for name in table.features}
    columns[f"target {table.raw_target.name}"] = (table.raw_target, accepted.raw_target)
    shifts = [Shift(name, *_difference(new, old)) for name, (new, old) in columns.items()]
    return [shift for shift in shifts if shift.p_value < ALPHA / (2 * len(shifts)) and shift.effect >= MIN_EFFECT]


def _difference(new: pd.Series[Any], old: pd.Series[Any]) -> tuple[float, float]:
    """The larger of the differences in value and in missing share: effect and p-value."""
    missing = _of_labels(new.isna(), old.isna())
    if not pd.api.types.is_float_dtype(new):
        return _of_labels(new.fillna("").astype(str), old.fillna("").astype(str))
    present = new.dropna().to_numpy(), old.dropna().to_numpy()
    if not len(present[0]) or not len(present[1]):
        return missing
    numbers = ks_2samp(*present, method="asymp")
    return max((float(numbers.statistic), float(numbers.pvalue)), missing)


def _of_labels(new: pd.Series[Any], old: pd.Series[Any]) -> tuple[float, float]:
    """Total variation distance and the p-value of a chi-square test."""
    counts = pd.concat([new.value_counts(), old.value_counts()], axis=1).fillna(0).to_numpy(dtype=np.float64)
    if len(counts) < 2:
        return 0.0, 1.0
    shares = counts / counts.sum(axis=0)
    return float(np.abs(shares[:, 0] - shares[:, 1]).sum() / 2), float(chi2_contingency(counts).pvalue)
