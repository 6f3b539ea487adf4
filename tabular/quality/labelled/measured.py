"""How good a model was on some rows, in the few measures that are looked at again and again.

The measures are the headline metric and the log loss, of a regression RMSE; of a multiclass task also the macro log
loss, the mean over the classes of the log loss of their rows, in which a rare class weighs as much as a common one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tabular.contract.types import Contract, Task
from tabular.quality.influence import Flags, headline_influence
from tabular.quality.interval import Interval
from tabular.quality.intervals import interval_of
from tabular.quality.labelled.rows import LabelledRows
from tabular.quality.metrics import Floats, headline, headline_value, row_losses
from tabular.quality.slices import enough, values_of

LOG_LOSS, MACRO_LOG_LOSS, RMSE = "log_loss", "macro_log_loss", "rmse"
MAX_SLICES = 40
"""Slices that are measured, those with the most labels: each is a handful of series in a monitor."""


class Measured(NamedTuple):
    """The value of a metric, and its 95 % interval."""

    value: float
    interval: Interval


Measures = Mapping[str, Measured]


@dataclass(frozen=True)
class SliceMeasures:
    """One value of a slice feature: how many labelled rows have it, and what they give; nothing where they are few."""

    feature: str
    value: str
    rows: int
    measures: Measures


@dataclass(frozen=True)
class MeasuredQuality:
    """What some labelled rows give, whole and by slice; `measures` is empty where rows or classes are too few.

    Too few are fewer than `slices.MIN_SLICE_ROWS`, or than `MIN_SLICE_CLASS_ROWS` of a class that is there, or rows of
    one class alone.
    """

    rows: int
    unreadable: int
    measures: Measures
    slices: tuple[SliceMeasures, ...]


def measured_quality(rows: LabelledRows, contract: Contract) -> MeasuredQuality:
    """Measure the rows, and each slice of the contract that has them, the MAX_SLICES with the most rows."""
    task = contract.table.task
    each = [
        SliceMeasures(feature, value, int(has.sum()), _measures(task, rows.target[has], rows.scores[has]))
        for feature, value, has in _largest(contract, rows)
    ]
    return MeasuredQuality(len(rows), rows.unreadable, measures_of(rows, contract), tuple(each))


def measures_of(rows: LabelledRows, contract: Contract) -> Measures:
    """The measures of all rows together; empty where they, or a class of them, are too few."""
    return _measures(contract.table.task, rows.target, rows.scores)


def _largest(contract: Contract, rows: LabelledRows) -> list[tuple[str, str, Flags]]:
    found = list(values_of(contract, rows.features))
    return sorted(found, key=lambda one: -int(one[2].sum()))[:MAX_SLICES]


def _measures(task: Task, target: Floats, scores: Floats) -> Measures:
    if not enough(task, target):
        return {}
    if task == "regression":
        squared = (scores - target) ** 2
        rmse = float(np.sqrt(squared.mean()))
        found = {RMSE: (rmse, (squared - squared.mean()) / (2 * max(rmse, 1e-300)))}
    else:
        losses = row_losses(task, target, scores)
        found = {LOG_LOSS: (float(losses.mean()), losses - losses.mean())}
        if task == "multiclass":
            found[MACRO_LOG_LOSS] = _macro(target, losses)
    value = headline_value(task, target, scores)
    if np.isfinite(value):
        found = {headline(task): (value, headline_influence(task, target, scores)), **found}
    return {
        name: Measured(value, interval_of(name, task, target, value, influence))
        for name, (value, influence) in found.items()
    }


def _macro(target: Floats, losses: Floats) -> tuple[float, Floats]:
    """The mean of the classes' mean losses, and what each row does to it."""
    _, code, counts = np.unique(target, return_inverse=True, return_counts=True)
    means = np.bincount(code, losses) / counts
    influence = (losses - means[code]) * len(target) / counts[code] / len(counts)
    return float(means.mean()), np.asarray(influence, dtype=np.float64)
