"""What can be wrong with the keys of one kind of feature, and of a derived target, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tabular.contract.canonical import FALSE, TRUE, canonical

if TYPE_CHECKING:
    from tabular.contract.features import Feature
    from tabular.contract.types import Contract


def datetime_faults(feature: Feature) -> list[str]:
    """What is wrong with a datetime, but for its example."""
    between = feature.synthetic.between
    faults = []
    if feature.range is not None or feature.categories:
        faults.append("kind datetime has neither range nor categories")
    if between is not None and not between[0] < between[1]:
        faults.append("synthetic.between needs two days, the earlier one first")
    return [f"{feature.name}: {fault}" for fault in faults]


def boolean_faults(feature: Feature, contract: Contract) -> list[str]:
    """What is wrong with the words of a boolean: two, of which none means the other, and none is missing."""
    if len(feature.categories) != 2 or feature.range is not None:
        return [f"{feature.name}: kind boolean has no range, and categories are its words for false and for true"]
    words = {FALSE: 0, canonical(0): 0, TRUE: 1, canonical(1): 1}
    faults = [
        f"{feature.name}: category {word!r} means {TRUE if words[canonical(word)] else FALSE} everywhere: write the "
        "word for false first"
        for code, word in enumerate(feature.categories)
        if words.get(canonical(word), code) != code
    ]
    return faults + [
        f"{feature.name}: the missing token {token!r} also means {TRUE if words[canonical(token)] else FALSE}. Write "
        "what is not known in another way in the table, and name that in table.missing_tokens"
        for token in contract.table.missing_tokens
        if canonical(token) in words
    ]


def other_kind_faults(feature: Feature) -> list[str]:
    """Keys of a datetime at a feature that is none."""
    faults = []
    if feature.time_zone != "none":
        faults.append(f"{feature.name}: time_zone is for a datetime, not for kind {feature.kind}")
    if feature.synthetic.between is not None:
        faults.append(f"{feature.name}: synthetic.between is for a datetime, not for kind {feature.kind}")
    return faults


def derived_target_faults(contract: Contract) -> list[str]:
    """What is wrong with `target.minutes_between`, `target.keep` and `target.non_negative`."""
    target, task = contract.target, contract.table.task
    faults = []
    if (target.minutes_between or target.keep) and task != "regression":
        faults.append(f"target: minutes_between and keep are for a regression, not for a {task} task")
    if target.non_negative and task != "regression":
        faults.append(f"target: non_negative is for a regression, not for a {task} task")
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
