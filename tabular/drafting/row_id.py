"""The column that is the table's id, and whether what it holds may be a business key: what requests and labels name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tabular.contract.faults.business_key import UNUSABLE, business_key_faults
from tabular.contract.types import Contract
from tabular.contract.validation import REPLY_KEYS, RESULT_KEYS
from tabular.drafting.choice import Choice, public_names
from tabular.drafting.column import ColumnProfile
from tabular.encoding.business_key import MAX_KEY_CHARACTERS


def id_column(choices: Sequence[Choice]) -> str | None:
    """The first column that identifies a row for the business, or else the first that does so at all; None if none."""
    ids = sorted((one for one in choices if one.is_id), key=lambda one: not one.is_key)
    return ids[0].column if ids else None


def with_business_key(contract: Contract, choices: Sequence[Choice]) -> Contract:
    """The contract with its id's public name as business key, if the business may know a row by it."""
    if contract.table.id_column not in [one.column for one in choices if one.is_key]:
        return contract
    name = public_names([one.column for one in choices])[contract.table.id_column or ""]
    drafted = replace(contract, table=replace(contract.table, business_key=name))
    return contract if business_key_faults(drafted, REPLY_KEYS | RESULT_KEYS) else drafted


def may_be_key(column: ColumnProfile) -> bool:
    """True if each value, all of one row each, can be sent as a key."""
    return all(len(text) <= MAX_KEY_CHARACTERS and UNUSABLE.isdisjoint(text) for text in column.counts)
