"""The paired difference of two models' losses on each slice, and which slices ours is certainly worse on."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection, SliceDifference
from tabular.contract.types import Contract
from tabular.data.table import CleanTable
from tabular.quality.intervals import standard_error
from tabular.quality.metrics import Floats, row_losses
from tabular.quality.slices import labels_of

Positions = NDArray[np.intp]

MIN_ROWS = 200
"""Fewer rows tell nothing for certain: a handful of surprising rows moves their mean loss."""
ERROR_SHARE = 0.05
"""The chance that any slice is called worse though none is, shared by all slices (Bonferroni)."""


def slice_differences(contract: Contract, table: CleanTable, ours: Floats, theirs: Floats) -> list[SliceDifference]:
    """The gain in mean loss on each value of the slice features with 200 rows at least; above 0 ours is better.

    The interval is Student's of the paired differences, rows of a group added up first, at a level at which all
    intervals together hold with 95 %.
    """
    task, target = contract.table.task, table.target.to_numpy()
    our_loss, their_loss = row_losses(task, target, ours), row_losses(task, target, theirs)
    parts = _parts(contract, table)
    found = []
    for feature, value, rows in parts:
        gains = their_loss[rows] - our_loss[rows]
        groups = None if table.group_names is None else table.group_names[rows]
        units = len(gains) if groups is None else len(np.unique(groups))
        gain = float(gains.mean())
        margin = _quantile(units, len(parts)) * standard_error(gains - gain, groups)
        means = float(our_loss[rows].mean()), float(their_loss[rows].mean())
        found.append(SliceDifference(feature, value, len(gains), *means, gain, gain - margin, gain + margin))
    return found


def no_slice_worse_than_champion(evidence: Evidence) -> Rejection | None:
    """On no slice of enough rows is the model certainly worse than the present champion."""
    worse = [one for one in evidence.slices_against_champion if one.high < 0]
    if not worse:
        return None
    return Rejection(
        "no_slice_worse_than_champion",
        "worse than the champion on a part of the same test rows: " + "; ".join(map(_described, worse)),
        "keep the champion; look for what changed in the rows of that part, or take its feature out of "
        "table.slice_features if it does not matter",
    )


def _described(one: SliceDifference) -> str:
    ours, theirs = figures(one.ours, one.theirs)
    low, high = figures(one.low, one.high)
    return (
        f"{one.feature} = {one.value} ({one.rows:,} rows): loss {ours} against {theirs} (gain in loss {low} to {high}, "
        "an interval that holds for all slices at once with 95 %)"
    )


def _parts(contract: Contract, table: CleanTable) -> list[tuple[str, str, Positions]]:
    """The feature, the value and the positions of the rows of each slice that is large enough."""
    found: list[tuple[str, str, Positions]] = []
    for name in contract.table.slice_features:
        labels = labels_of(table.features[name])
        counts = Counter(labels.tolist())
        found += [
            (name, value, np.flatnonzero(labels == value))
            for value in sorted(counts)
            if MIN_ROWS <= counts[value] < len(labels)
        ]
    return found


def _quantile(units: int, slices: int) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - ERROR_SHARE / (2 * slices), max(units - 1, 1)))
