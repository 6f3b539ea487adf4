"""Drafts the contract of a table: the profile of each column, a choice with its reason, the text of the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tabular.contract.types import Contract, Feature, Reply, Table
from tabular.contract.validation import REPLY_KEYS, RESULT_KEYS
from tabular.data.column_names import absent_column
from tabular.data.table import clean
from tabular.drafting.choice import Choice, choose, public_names
from tabular.drafting.column import ColumnProfile, profile
from tabular.drafting.leaks import suspicions
from tabular.drafting.missing import doubts, missing_tokens
from tabular.drafting.target import TargetChoice, choose_target
from tabular.drafting.toml_text import contract_text
from tabular.errors import Fault, InvalidTable

MAX_SLICE_CATEGORIES = 10
MAX_SLICES = 8
MAX_REASONS = 20
USABLE = "a column that varies, describes the row, and is known before the outcome"


@dataclass(frozen=True)
class Draft:
    """A drafted contract, the text of its file, and every choice that was made."""

    contract: Contract
    text: str
    choices: Sequence[Choice]
    target: TargetChoice
    tokens: dict[str, str]


def draft_contract(raw: pd.DataFrame, target: str, name: str, source: str, positive: str = "") -> Draft:
    """Draft the contract `name` of a table of text cells, in which every row is valid.

    `source` says where the table is from. Raises InvalidTable for a table without rows or with no usable target.
    """
    columns = {str(column): profile(raw[column]) for column in raw.columns}
    if target not in columns:
        raise InvalidTable("no contract can be drafted", [absent_column(target, list(columns))])
    if raw.empty:
        raise InvalidTable("the table has no rows")
    chosen_target = choose_target(columns.pop(target), positive)
    tokens = missing_tokens(list(columns.values()), chosen_target.target.classes)
    choices = _choices(raw, list(columns.values()), tokens, chosen_target)
    contract = _contract(name, choices, chosen_target, tokens)
    _require_features(contract, choices)
    found = suspicions(contract, clean(contract, raw))
    choices = [_suspected(one, found) for one in choices]
    contract = _contract(name, choices, chosen_target, tokens)
    _require_features(contract, choices)
    text = contract_text(contract, choices, chosen_target, _head(raw, source), tokens)
    return Draft(contract, text, choices, chosen_target, tokens)


def _choices(
    raw: pd.DataFrame, columns: Sequence[ColumnProfile], tokens: dict[str, str], target: TargetChoice
) -> list[Choice]:
    reads = _contract("draft", [], target, tokens)
    names = public_names([column.name for column in columns])
    found = []
    for column in columns:
        known = column.without(reads.is_missing)
        in_order = None
        if known.is_numeric and not known.missing:
            in_order = [known.numbers[text] for text in raw[column.name]]
        one = choose(known, names[column.name], in_order)
        found.append(replace(one, notes=(*one.notes, *doubts(known, list(tokens)))))
    return found


def _contract(name: str, choices: Sequence[Choice], target: TargetChoice, tokens: dict[str, str]) -> Contract:
    features = tuple(one.feature for one in choices if one.feature is not None and one.suspicion is None)
    ids = [one.column for one in choices if one.is_id]
    dropped = tuple(one.column for one in choices if one.feature is None or one.suspicion is not None)
    table = Table(
        name=name,
        title=re.sub(r"[_-]+", " ", name).strip().capitalize() or name,
        task=target.task,
        id_column=ids[0] if ids else None,
        missing_tokens=tuple(tokens),
        dropped_columns=tuple(column for column in dropped if column not in ids[:1]),
        slice_features=_slices(features),
    )
    return Contract(table, target.target, Reply(_prediction_key(target)), features)


def _require_features(contract: Contract, choices: Sequence[Choice]) -> None:
    if contract.features:
        return
    reasons = [Fault(one.column, f"is left out: {one.suspicion or one.left_out}", USABLE) for one in choices]
    raise InvalidTable("no column is left that could be a feature", reasons[:MAX_REASONS], len(reasons[MAX_REASONS:]))


def _suspected(choice: Choice, found: dict[str, str]) -> Choice:
    return choice if choice.feature is None else replace(choice, suspicion=found.get(choice.feature.name))


def _slices(features: Sequence[Feature]) -> tuple[str, ...]:
    few = [one for one in features if not one.is_numeric and len(one.categories) <= MAX_SLICE_CATEGORIES]
    return tuple(one.name for one in few[:MAX_SLICES])


def _prediction_key(target: TargetChoice) -> str:
    plain = public_names([target.target.column])[target.target.column].replace("_", " ")
    key = f"{plain} chance" if target.task == "binary" else f"predicted {plain}"
    return key if key not in REPLY_KEYS | RESULT_KEYS else f"{key} value"


def _head(raw: pd.DataFrame, source: str) -> list[str]:
    return [
        f"Drafted from {source}: {len(raw):,} rows, {len(raw.columns)} columns.",
        "A choice that may be doubted has its reason beside it. Every key: docs/reference/contract.md.",
    ]
