"""What can be wrong with the keys of one kind of feature, and of a derived target, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabular.contract.types import Contract, Feature


def datetime_faults(feature: Feature) -> list[str]:
    """What is wrong with a datetime, but for its example."""
    between = feature.synthetic.between
    faults = []
    if feature.range is not None or feature.categories:
        faults.append("kind datetime has neither range nor categories")
    if between is not None and not between[0] < between[1]:
        faults.append("synthetic.between needs two days, the earlier one first")
    return [f"{feature.name}: {fault}" for fault in faults]


def other_kind_faults(feature: Feature) -> list[str]:
    """Keys of a datetime at a feature that is none."""
    faults = []
    if feature.time_zone != "none":
        faults.append(f"{feature.name}: time_zone is for a datetime, not for kind {feature.kind}")
    if feature.synthetic.between is not None:
        faults.append(f"{feature.name}: synthetic.between is for a datetime, not for kind {feature.kind}")
    return faults


def derived_target_faults(contract: Contract) -> list[str]:
    """What is wrong with `target.minutes_between` and `target.keep`."""
    target, task = contract.target, contract.table.task
    faults = []
    if (target.minutes_between or target.keep) and task != "regression":
        faults.append(f"target: minutes_between and keep are for a regression, not for a {task} task")
    if target.keep is not None and not -math.inf < target.keep[0] < target.keep[1] < math.inf:
        faults.append("target.keep: needs two finite numbers in rising order")
    if target.minutes_between is None:
        return faults
    begin, end = target.minutes_between
    columns = {feature.column: feature for feature in contract.features}
    if begin == end:
        faults.append(f"target.minutes_between: names {begin} twice, so that every row has 0 minutes")
    if end in columns:
        faults.append(
            f"target.minutes_between: the feature {columns[end].name} is the column {end}, which is known only when "
            "the target is: with it the target can be computed. Take the feature out"
        )
    if begin in columns and not columns[begin].is_datetime:
        faults.append(f"target.minutes_between: the feature of column {begin} must be of kind datetime")
    return faults
