"""What can be wrong with the business key of a contract, and with the window in which its labels count."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabular.contract.types import Contract

LABEL_KEYS = {"outcome", "observed_at"}
"""What a label has beside the identifier of its prediction or its key."""
MAX_WINDOW_DAYS = 3_660.0
UNUSABLE = frozenset('"\\') | frozenset(map(chr, range(0x20)))


def business_key_faults(contract: Contract, response_keys: Set[str]) -> list[str]:
    """What is wrong with `table.business_key` and `table.label_window_days`; an empty list if nothing is."""
    table = contract.table
    faults = [] if table.business_key is None else _name_faults(table.business_key, contract, response_keys)
    if not 0 < table.label_window_days <= MAX_WINDOW_DAYS:
        faults.append(
            f"table.label_window_days: must be above 0 and at most {MAX_WINDOW_DAYS:g} days, "
            f"not {table.label_window_days:g}"
        )
    return faults


def _name_faults(name: str, contract: Contract, response_keys: Set[str]) -> list[str]:
    taken = {
        "a feature or its column": {*contract.feature_names, *(feature.column for feature in contract.features)},
        "a derived column": {derived.name for derived in contract.derived},
        "the target": {contract.target.column, *contract.target.columns},
        "another key of the response": {contract.reply.prediction_key, *response_keys},
        "another key of a label": LABEL_KEYS,
    }
    faults = [
        f"table.business_key: {name!r} is {what}. Choose another" for what, names in taken.items() if name in names
    ]
    if name != name.strip() or not name or not UNUSABLE.isdisjoint(name):
        faults.append(
            f"table.business_key: {name!r} is empty, has spaces around it, or holds a quote, a backslash or a control "
            "character"
        )
    return faults
