"""Measured quality over time, whole and by slice: labelled predictions in groups, by when they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import msgspec
import numpy as np

from tabular.contract.types import Contract
from tabular.predictions.prediction import Prediction
from tabular.quality.labelled.measured import Measured, MeasuredQuality, measured_quality
from tabular.quality.labelled.rows import labelled_rows
from tabular.quality.slices import slice_metric

MAX_POINTS, LABELS_A_POINT = 12, 100
MAX_LINES = 4
"""Slices of one feature that are drawn, those with the most labels."""

WHOLE = "all"


class Line(msgspec.Struct, frozen=True):
    """What one slice, or all labels, gave in each group; None where a group has too few of them."""

    name: str
    points: tuple[Measured | None, ...]


class OverTime(msgspec.Struct, frozen=True):
    """The groups, by when their first predictions were made, and for all labels and each slice feature its lines."""

    moments: tuple[datetime, ...]
    plots: tuple[tuple[str, tuple[Line, ...]], ...]


def over_time(labelled: Sequence[Prediction], contract: Contract) -> OverTime | None:
    """The metric that slices are known by, in groups of equally many labels; None for too few labels for two groups."""
    count = min(MAX_POINTS, len(labelled) // LABELS_A_POINT)
    if count < 2:
        return None
    ordered = sorted(labelled, key=lambda one: one.made_at)
    cuts = np.linspace(0, len(ordered), count + 1).astype(int)
    groups = [ordered[begin:end] for begin, end in pairwise(cuts.tolist())]
    found = [measured_quality(labelled_rows(group, contract), contract) for group in groups]
    metric = slice_metric(contract.table.task)
    whole = Line(WHOLE, tuple(one.measures.get(metric) for one in found))
    plots = [(WHOLE, (whole,)), *((name, _lines(name, metric, found)) for name in contract.table.slice_features)]
    return OverTime(tuple(group[0].made_at for group in groups), tuple(plots))


def _lines(feature: str, metric: str, found: Sequence[MeasuredQuality]) -> tuple[Line, ...]:
    """The lines of the slices of one feature."""
    counts: Counter[str] = Counter()
    each = [{one.value: one for one in group.slices if one.feature == feature} for group in found]
    for slices in each:
        counts.update({value: one.rows for value, one in slices.items()})
    values = sorted(value for value, _ in counts.most_common(MAX_LINES))
    return tuple(
        Line(value, tuple(slices[value].measures.get(metric) if value in slices else None for slices in each))
        for value in values
    )
