"""What is said of a table's columns by name: those that lack, those that nobody asked for, and those meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tabular.contract.types import Contract
from tabular.encoding.values import listed
from tabular.errors import Fault, InvalidTable

MAX_NEAR_MISSES = 3


def absent_columns(contract: Contract, columns: Sequence[str]) -> list[Fault]:
    """A fault for each column that the contract needs and the table lacks, with what may be meant, or what is there."""
    needed = dict.fromkeys(
        [*(feature.column for feature in contract.features), *contract.target.columns, *contract.split.columns]
        + [one.column for one in contract.filters]
    )
    return [absent_column(name, columns) for name in needed if name not in columns]


def absent_column(name: str, columns: Sequence[str]) -> Fault:
    """The fault that a table has no column of this name."""
    near = near_misses(name, columns)
    there = (
        f"did you mean {listed([repr(each) for each in near])}?"
        if near
        else f"it has {listed(columns) or 'no columns'}"
    )
    return Fault(name, f"is missing from the table; {there}", "add the column, or correct its name here or there")


def feature_columns(contract: Contract, names: Sequence[str]) -> tuple[str, ...]:
    """The column of each feature in a file with these columns: as the table calls it, or else by its public name.

    Raises InvalidTable naming those that are not there.
    """
    absent = [feature for feature in contract.features if not {feature.column, feature.name} & {*names}]
    if absent:
        faults = [absent_column(feature.column, names) for feature in absent]
        raise InvalidTable(f"the file lacks columns that the contract {contract.table.name} needs", faults)
    return tuple(feature.column if feature.column in names else feature.name for feature in contract.features)


def key_column(contract: Contract, names: Sequence[str]) -> str | None:
    """The column of a file that holds the business keys: the table's id column, or the key's public name."""
    table = contract.table
    if table.business_key is None:
        return None
    return next((name for name in (table.id_column, table.business_key) if name is not None and name in names), None)


def column_warnings(contract: Contract, columns: Sequence[str]) -> list[str]:
    """What to say of columns that the contract drops and the table lacks, and of those it does not name."""
    table = contract.table
    warnings = []
    if absent := [name for name in table.dropped_columns if name not in columns]:
        meant = {name: near_misses(name, columns) for name in absent}
        named = listed([f"{name!r}{f' (did you mean {near[0]!r}?)' if near else ''}" for name, near in meant.items()])
        warnings.append(f"dropped_columns names what is not in the table, so nothing is dropped by it: {named}")
    features = (feature.column for feature in contract.features)
    named_columns = {
        *features,
        *table.dropped_columns,
        *contract.target.columns,
        table.id_column,
        *contract.split.columns,
        *(one.column for one in contract.filters),
    }
    if unnamed := [repr(name) for name in columns if name not in named_columns]:
        warnings.append(
            f"the contract does not name these columns, so the model does not see them: {listed(unnamed)}. Make them "
            "features, or name them in dropped_columns"
        )
    return warnings


def near_misses(name: str, columns: Iterable[str]) -> list[str]:
    """The columns whose name may be meant: the same but for letter case, spaces and marks, or nearly so."""
    plain: dict[str, list[str]] = {}
    for column in columns:
        plain.setdefault(_plain(column), []).append(column)
    if same := plain.get(_plain(name)):
        return same[:MAX_NEAR_MISSES]
    return [each for close in get_close_matches(_plain(name), plain, MAX_NEAR_MISSES, 0.8) for each in plain[close]]


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, letters)) or letters
