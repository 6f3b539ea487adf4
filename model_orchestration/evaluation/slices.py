"""The metrics of a model on each part of the test rows that has one value of a feature."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np

from tabular.contract.types import Contract, Task
from tabular.data.table import CleanTable
from tabular.quality.intervals import Interval, intervals
from tabular.quality.metrics import Floats, metrics

MIN_SLICE_ROWS = 30
MIN_SLICE_CLASS_ROWS = 5
MAX_SLICES = 100  # of one feature: of a number nearly every row has another value


class Slice(msgspec.Struct, frozen=True):
    """One value of one slice feature: how many test rows have it, and the metrics there if they are enough.

    `intervals` has the two ends of each metric's 95 % interval.
    """

    feature: str
    value: str
    n: int
    metrics: dict[str, float] | None
    intervals: dict[str, Interval] = {}


def slices(contract: Contract, table: CleanTable, scores: Floats, threshold: float) -> list[Slice]:
    """The metrics on each value of the contract's slice features, the most frequent `MAX_SLICES` of each.

    None where rows or classes are too few to measure.
    """
    target, found = table.target.to_numpy(), []
    for name in contract.table.slice_features:
        values = table.features[name].astype(object)
        labels = values.where(values.notna(), "(missing)").astype(str).to_numpy()
        for value in sorted(value for value, _ in Counter(labels.tolist()).most_common(MAX_SLICES)):
            rows = labels == value
            enough = _enough(contract.table.task, target[rows])
            if not enough:
                found.append(Slice(name, value, int(rows.sum()), None))
                continue
            groups = None if table.group_names is None else table.group_names[rows]
            measured = metrics(contract.table.task, target[rows], scores[rows], threshold)
            ends = dict(intervals(contract.table.task, target[rows], scores[rows], threshold, groups))
            found.append(Slice(name, value, int(rows.sum()), measured, ends))
    return found


def _enough(task: Task, target: Floats) -> bool:
    if len(target) < MIN_SLICE_ROWS or task == "regression":
        return len(target) >= MIN_SLICE_ROWS
    counts = np.unique(target, return_counts=True)[1]
    return len(counts) > 1 and bool(counts.min() >= MIN_SLICE_CLASS_ROWS)
