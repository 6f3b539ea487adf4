"""The metrics of a model on each part of some rows that has one value of a feature: training and reports ask here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from numbers import Real
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.canonical import as_text
from tabular.contract.types import Contract, Task
from tabular.quality.interval import Interval
from tabular.quality.intervals import Groups, intervals
from tabular.quality.metrics import Floats, headline, metrics

MIN_SLICE_ROWS = 30
MIN_SLICE_CLASS_ROWS = 5
MAX_SLICES = 100  # of one feature: of a number nearly every row has another value
MISSING = "(missing)"


class Slice(msgspec.Struct, frozen=True):
    """One value of one slice feature: how many rows have it, and the metrics there if they are enough.

    `intervals` has the two ends of each metric's 95 % interval.
    """

    feature: str
    value: str
    n: int
    metrics: dict[str, float] | None
    intervals: dict[str, Interval] = {}


def slice_metric(task: Task) -> str:
    """The metric that slices are known by.

    Of a regression RMSE: R² falls where the targets of a slice are alike, however well they are predicted.
    """
    return "rmse" if task == "regression" else headline(task)


def slices(
    contract: Contract,
    features: pd.DataFrame,
    target: Floats,
    scores: Floats,
    threshold: float = 0.5,
    groups: Groups = None,
) -> list[Slice]:
    """The metrics on each value of the contract's slice features, the most frequent `MAX_SLICES` of each.

    None where rows or classes are too few to measure. A feature that the frame does not have is left out.
    """
    task, off_by, found = contract.table.task, contract.off_by_more_than, []
    for name, value, rows in values_of(contract, features):
        if not enough(task, target[rows]):
            found.append(Slice(name, value, int(rows.sum()), None))
            continue
        measured = metrics(task, target[rows], scores[rows], threshold, off_by)
        members = None if groups is None else groups[rows]
        ends = dict(intervals(task, target[rows], scores[rows], threshold, members, off_by))
        found.append(Slice(name, value, int(rows.sum()), measured, ends))
    return found


def values_of(contract: Contract, features: pd.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Each slice feature with each of its most frequent values, in order, and which rows have it."""
    for name in contract.table.slice_features:
        if name in features:
            labels = labels_of(features[name])
            for value in sorted(value for value, _ in Counter(labels.tolist()).most_common(MAX_SLICES)):
                yield name, value, labels == value


def labels_of(column: pd.Series[Any]) -> NDArray[Any]:
    """What a slice is called, for each row: its value as text, a whole number without a point."""
    values = column.astype(object).where(column.notna(), MISSING)
    return np.array(
        [as_text(float(value)) if isinstance(value, Real) else str(value) for value in values], dtype=object
    )


def enough(task: Task, target: Floats) -> bool:
    """True if so many rows are worth measuring: MIN_SLICE_ROWS, and MIN_SLICE_CLASS_ROWS of each of several classes."""
    if len(target) < MIN_SLICE_ROWS or task == "regression":
        return len(target) >= MIN_SLICE_ROWS
    counts = np.unique(target, return_counts=True)[1]
    return len(counts) > 1 and bool(counts.min() >= MIN_SLICE_CLASS_ROWS)
