"""What can be wrong with the `[split]` of a contract."""

from __future__ import annotations

import math

from tabular.contract.split_rules import SplitRules
from tabular.contract.types import Contract

SMALLEST_SHARE = 0.05
FOLDS = (2, 20)
REPEATS = (1, 20)


def split_faults(contract: Contract) -> list[str]:
    """What is wrong with the contract's `[split]`; an empty list if nothing is."""
    rules = contract.split
    faults = _number_faults(rules)
    for key, name in (("time_column", rules.time_column), ("group_column", rules.group_column)):
        if name is None:
            continue
        if name != name.strip() or not name:
            faults.append(f"split.{key}: {name!r} is empty or has spaces around it")
        if name in contract.target.columns:
            faults.append(f"split.{key}: {name} is the target")
    for key, name, denied in (
        ("time_column", rules.time_column, rules.not_time_columns),
        ("group_column", rules.group_column, rules.not_group_columns),
    ):
        if name in denied:
            faults.append(f"split.not_{key}s: {name} is split.{key}. Take it out of one of them")
    if rules.group_column is not None and rules.group_column in (contract.table.id_column, rules.time_column):
        faults.append(
            f"split.group_column: {rules.group_column} is also table.id_column or split.time_column. A group has "
            "several rows, and an id one: name the column that identifies the group"
        )
    return faults


def _number_faults(rules: SplitRules) -> list[str]:
    faults = []
    if not min(rules.shares) >= SMALLEST_SHARE or not math.isclose(sum(rules.shares), 1, abs_tol=1e-9):
        faults.append(
            f"split.shares: must be the shares of train, validation and test, each {SMALLEST_SHARE:g} or more and "
            f"together 1, not {list(rules.shares)}"
        )
    for key, value, (least, most) in (("folds", rules.folds, FOLDS), ("repeats", rules.repeats, REPEATS)):
        if not least <= value <= most:
            faults.append(f"split.{key}: must be a whole number from {least} to {most}, not {value}")
    faults += [
        f"split.{key}: must be 0 (never) or more, not {getattr(rules, key)}"
        for key in ("cross_validate_below_rows", "cross_validate_below_class_rows")
        if getattr(rules, key) < 0
    ]
    if not 0 <= rules.max_forward_gap <= 1:
        faults.append(f"split.max_forward_gap: must be from 0 to 1, not {rules.max_forward_gap:g}")
    return faults
