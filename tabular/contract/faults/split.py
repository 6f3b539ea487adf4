"""What can be wrong with the `[split]` of a contract."""

from __future__ import annotations

import math

from tabular.contract.split_rules import SplitRules
from tabular.contract.types import Contract

SMALLEST_SHARE = 0.05


def split_faults(contract: Contract) -> list[str]:
    """What is wrong with the contract's `[split]`; an empty list if nothing is."""
    rules = contract.split
    faults = _share_faults(rules)
    for key, name in (("time_column", rules.time_column), ("group_column", rules.group_column)):
        if name is None:
            continue
        if name != name.strip() or not name:
            faults.append(f"split.{key}: {name!r} is empty or has spaces around it")
        if name == contract.target.column:
            faults.append(f"split.{key}: {name} is the target")
    if rules.group_column is not None and rules.group_column in (contract.table.id_column, rules.time_column):
        faults.append(
            f"split.group_column: {rules.group_column} is also table.id_column or split.time_column. A group has "
            "several rows, and an id one: name the column that identifies the group"
        )
    return faults


def _share_faults(rules: SplitRules) -> list[str]:
    if min(rules.shares) >= SMALLEST_SHARE and math.isclose(sum(rules.shares), 1, abs_tol=1e-9):
        return []
    return [
        f"split.shares: must be the shares of train, validation and test, each {SMALLEST_SHARE:g} or more and "
        f"together 1, not {list(rules.shares)}"
    ]
