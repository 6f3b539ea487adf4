"""The 95 % interval of every metric, and of the difference of two models on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Task
from tabular.quality.influence import influences
from tabular.quality.interval import Interval
from tabular.quality.metrics import SHARE_OFF_BY_MORE, Floats, metrics

OUTSIDE = 0.05
"""The share of intervals that may miss the truth, half of it on each side."""

SHARES_OF_ROWS = frozenset({"accuracy", SHARE_OFF_BY_MORE})
SHARES = frozenset({"roc_auc", "pr_auc", "f1", "f1_macro"}) | SHARES_OF_ROWS
"""Metrics from 0 to 1: their interval is symmetric in log-odds, so that it stays within."""

SMALLEST_REST = 1e-12  # what is nearer to 0 or 1 is there, but for rounding
LARGEST_LOG = 700.0  # the exponential of more is infinite

Groups = NDArray[Any] | None


def intervals(
    task: Task,
    target: Floats,
    scores: Floats,
    threshold: float = 0.5,
    groups: Groups = None,
    off_by: float | None = None,
) -> Mapping[str, Interval]:
    """The 95 % interval of each metric of `metrics` on these rows; rows of one group count as dependent.

    Student's quantiles with one degree of freedom less than groups, or rows, or (ROC-AUC, PR-AUC, F1) rows of the rarer
    class. Errors are symmetric in logs, shares in log-odds, R² in the log of what it leaves unexplained. A share of
    exactly 0 or 1 has the bound of Clopper and Pearson (Biometrika 26, 1934).
    """
    found = metrics(task, target, scores, threshold, off_by)
    return {
        name: interval_of(name, task, target, found[name], influence, groups)
        for name, influence in influences(task, target, scores, threshold, off_by).items()
    }


def interval_of(
    name: str, task: Task, target: Floats, value: float, influence: Floats, groups: Groups = None
) -> Interval:
    """The same of one metric, of this name and value, by the influence of each row on it."""
    return interval_around(name, value, standard_error(influence, groups), _units(name, target, task, groups))


def standard_error(influence: Floats, groups: Groups = None) -> float:
    """The standard error of a metric with this influence of each row; rows of one group are added up first."""
    rows = len(influence)
    if groups is not None:
        _, member = np.unique(groups, return_inverse=True)
        influence = np.asarray(np.bincount(member, influence), dtype=np.float64)
    units = len(influence)
    return float(np.sqrt((influence**2).sum() * units / max(units - 1, 1)) / rows)


def student(units: int) -> float:
    """The quantile of Student's distribution for a 95 % interval from so many independent units."""
    from scipy.stats import t

    return float(t.ppf(1 - OUTSIDE / 2, max(units - 1, 1)))


def _units(name: str, target: Floats, task: Task, groups: Groups) -> int:
    """How many independent things a metric was measured on."""
    of_rows = len(target) if groups is None else len(np.unique(groups))
    if task == "regression" or name not in SHARES - SHARES_OF_ROWS:
        return of_rows
    units = np.arange(len(target)) if groups is None else groups
    return min(len(np.unique(units[target == code])) for code in np.unique(target))


def interval_around(name: str, value: float, error: float, units: int) -> Interval:
    """The 95 % interval of a metric with this standard error, which rests on so many independent units."""
    from scipy.special import expit, logit

    margin = student(units) * error
    if name in SHARES:
        if min(value, 1 - value) < SMALLEST_REST:
            bound = (OUTSIDE / 2) ** (1 / max(units, 1))
            return Interval(bound, 1.0) if value > 0.5 else Interval(0.0, 1 - bound)
        center, margin = float(logit(value)), margin / (value * (1 - value))
        return Interval(float(expit(center - margin)), float(expit(center + margin)))
    if name == "r2":
        left = max(1 - value, SMALLEST_REST)
        least, most = _in_logs(left, margin)
        return Interval(1 - most, 1 - least)
    return Interval(*_in_logs(max(value, SMALLEST_REST), margin))


def _in_logs(value: float, margin: float) -> tuple[float, float]:
    factor = float(np.exp(min(margin / value, LARGEST_LOG)))
    return value / factor, value * factor
