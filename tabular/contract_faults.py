"""What can be wrong with a contract that reads well: every fault at once, in plain words, by its key."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabular.contract import Contract, Feature, Synthetic, Target

TABLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
UNUSABLE_IN_A_NAME = re.compile(r'["\\\x00-\x1f]')  # msgspec cannot read a key that JSON has to escape
REPLY_KEYS = {"row", "error", "chances", "model_run_id", "prediction_id", "warnings"}


def contract_faults(contract: Contract) -> list[str]:
    """What is wrong with the contract; an empty list if nothing is."""
    faults = [fault for feature in contract.features for fault in _feature_faults(feature, contract)]
    faults += _table_faults(contract) + _target_faults(contract) + _name_faults(contract)
    return faults + _synthetic_faults("target", contract.target.synthetic, len(contract.target.classes))


def _feature_faults(feature: Feature, contract: Contract) -> list[str]:
    faults = _number_faults(feature) if feature.is_numeric else _label_faults(feature, contract)
    if not faults and not _is_allowed(feature, feature.example):
        faults = [f"{feature.name}: example {feature.example!r} is not a value that the feature may take"]
    return faults + _synthetic_faults(feature.name, feature.synthetic, len(feature.levels))


def _number_faults(feature: Feature) -> list[str]:
    has_range = feature.range is not None and all(map(math.isfinite, feature.range))
    if has_range and feature.range[0] < feature.range[1] and not feature.levels:  # type: ignore[index]  # has_range
        return []
    return [f"{feature.name}: kind {feature.kind} needs range = [low, high], both finite, and no levels"]


def _label_faults(feature: Feature, contract: Contract) -> list[str]:
    faults = [
        f"{feature.name}: level {level!r} is a missing token" for level in feature.levels if contract.is_missing(level)
    ]
    if len(feature.levels) < 2 or not _are_distinct(feature.levels) or feature.range is not None:
        faults.append(
            f"{feature.name}: kind {feature.kind} needs two or more levels, distinct in any letter case, and no range"
        )
    return faults


def _is_allowed(feature: Feature, example: float | str) -> bool:
    if feature.range is None:
        if isinstance(example, str):
            return example.casefold() in {level.casefold() for level in feature.levels}
        return feature.kind == "ordinal" and example in range(len(feature.levels))
    if isinstance(example, str) or not feature.range[0] <= example <= feature.range[1]:
        return False
    return feature.kind == "number" or example == math.floor(example)


def _target_faults(contract: Contract) -> list[str]:
    target, task = contract.target, contract.table.task
    count = len(target.classes)
    wanted, count_ok = {
        "binary": ("2", count == 2),
        "multiclass": ("3 or more", count > 2),
        "regression": ("0", count == 0),
    }[task]
    faults = [] if count_ok else [f"target.classes: a {task} task needs {wanted}, not {count}"]
    if len(set(target.classes)) < count or any(label != label.strip() or not label for label in target.classes):
        faults.append("target.classes: must be distinct labels, with no space around them")
    return faults + _positive_faults(target, task)


def _positive_faults(target: Target, task: str) -> list[str]:
    if task != "binary":
        return [] if target.positive is None else [f"target.positive: only a binary task has one, not {task}"]
    if target.positive in target.classes:
        return []
    return [f"target.positive: must be one of target.classes {list(target.classes)}, not {target.positive!r}"]


def _table_faults(contract: Contract) -> list[str]:
    faults = []
    if TABLE_NAME.fullmatch(contract.table.name) is None:
        faults.append(f"table.name: must be 1 to 64 letters, digits, _ or -, not {contract.table.name!r}")
    if contract.reply.prediction_key in REPLY_KEYS:
        faults.append(f"reply.prediction_key: {contract.reply.prediction_key!r} is another key of the answer")
    unknown = set(contract.table.slice_features) - set(contract.feature_names)
    return faults + [f"table.slice_features: {name} is not a feature" for name in sorted(unknown)]


def _name_faults(contract: Contract) -> list[str]:
    names, columns = contract.feature_names, [feature.column for feature in contract.features]
    faults = [] if names and len(set(names)) == len(names) else ["features: names must be there and be distinct"]
    faults += [
        f"features: name {name!r} holds a quote, a backslash or a control character"
        for name in names
        if UNUSABLE_IN_A_NAME.search(name)
    ]
    reserved = {contract.target.column, contract.table.id_column, *contract.table.dropped_columns}
    return (
        faults
        + [f"features: column {column} is the target, the id or dropped" for column in columns if column in reserved]
        + [
            f"features: column {column} is used twice"
            for column in sorted({one for one in columns if columns.count(one) > 1})
        ]
    )


def _synthetic_faults(name: str, synthetic: Synthetic, levels: int) -> list[str]:
    shares, quantiles, faults = synthetic.shares, synthetic.quantiles, []
    if shares and (len(shares) != levels or min(shares) < 0 or sum(shares) <= 0):
        faults.append(f"{name}: synthetic.shares needs {levels} weights of 0 or more, not {list(shares)}")
    if quantiles and (levels or len(quantiles) < 2 or list(quantiles) != sorted(quantiles)):
        faults.append(f"{name}: synthetic.quantiles needs two or more numbers in rising order, for a number")
    if not 0 <= synthetic.missing_share < 1:
        faults.append(f"{name}: synthetic.missing_share must be from 0 to below 1, not {synthetic.missing_share:g}")
    return faults


def _are_distinct(labels: Sequence[str]) -> bool:
    return len({label.strip().casefold() for label in labels}) == len(labels) and labels == tuple(
        map(str.strip, labels)
    )
