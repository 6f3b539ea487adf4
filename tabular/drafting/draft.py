"""Drafts the contract of a table: the profile of each column, a choice with its reason, the text of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pandas as pd

from tabular.contract.derived import Derived
from tabular.contract.source import SourceOptions
from tabular.contract.split_rules import SplitRules
from tabular.contract.types import Contract, Reply, Table, Target
from tabular.contract.validation import REPLY_KEYS, RESULT_KEYS
from tabular.data.column_names import absent_column
from tabular.data.table import CleanTable, clean
from tabular.drafting.categories import slices, training
from tabular.drafting.choice import Choice, distinct_name, public_names
from tabular.drafting.column import ColumnProfile, profile
from tabular.drafting.derived_target import DerivedTarget
from tabular.drafting.kinds import choose
from tabular.drafting.missing import doubts, missing_tokens
from tabular.drafting.row_id import id_column, with_business_key
from tabular.drafting.target import MAX_INVALID_SHARE, TargetChoice, choose_target
from tabular.drafting.toml_text import contract_text
from tabular.errors import Fault, InvalidTable

MAX_REASONS = 20
MAX_INVALID_SHARE_OF_A_COLUMN = 0.01
"""So many rows a column of numbers may cost because of texts among them; with more it is left out."""
MAX_ROUNDS = 5
"""So often leaks are looked for: what is left may lean on one that the strongest hid."""
DROPPED = "drop= names it"
USABLE = "a column that varies, describes the row, and is known before the outcome"

Suspects = Callable[[Contract, CleanTable], Mapping[str, str]]
"""What finds the features of a table that may tell the target: why each is suspected, by its public name."""


def no_suspects(_contract: Contract, _table: CleanTable) -> Mapping[str, str]:
    """Suspects nothing."""
    return {}


@dataclass(frozen=True)
class Request:
    """What is to be drafted: the contract `name` for the column `target` of a table from `file`.

    `positive` names the class of two whose chance is wanted; `known_before_outcome` the columns or features that are
    kept whatever they tell of the target; `source` how the file is written, where its content does not show it. With
    `minutes_between` the target is derived from these two columns, and of its values those within `keep` are kept.
    `drop` names columns that are no features, whatever they hold, and `missing` texts that mean "not known".
    """

    name: str
    target: str
    file: str
    positive: str = ""
    known_before_outcome: tuple[str, ...] = ()
    source: SourceOptions = field(default_factory=SourceOptions)
    suspects: Suspects = no_suspects
    minutes_between: tuple[str, str] | None = None
    keep: tuple[float, float] | None = None
    drop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A drafted contract, the text of its file, and every choice that was made."""

    contract: Contract
    text: str
    choices: Sequence[Choice]
    target: TargetChoice
    tokens: Mapping[str, str]

    @property
    def invalid_rows(self) -> int:
        """How many rows the contract drops, at most: a row may be invalid in two columns."""
        return self.target.invalid_rows + sum(one.invalid_rows for one in self.choices if one.kept)


def draft_contract(raw: pd.DataFrame, request: Request) -> Draft:
    """Draft the contract of a table of text cells, under which every row is valid.

    Raises InvalidTable for a table without rows, with no usable target, or with nothing that may be a feature.
    """
    columns = {str(column): profile(raw[column]) for column in raw.columns}
    if raw.empty:
        raise InvalidTable("the table has no rows")
    if absent := [absent_column(name, list(columns)) for name in request.drop if name not in columns]:
        raise InvalidTable("drop= names what is no column", absent)
    derived_target = _derived_target(raw, columns, request)
    target = derived_target.choice() if derived_target else _target_of_a_column(columns, request)
    tokens = missing_tokens(list(columns.values()), target.target.classes, request.missing)
    contract_of = _Contracts(request, target, tokens)
    choices = _choices(raw, list(columns.values()), contract_of, derived_target)
    contract_of.known = _known(request, choices)
    choices = _without_suspects(raw, choices, contract_of, request.suspects)
    contract = contract_of(choices)
    text = contract_text(contract, choices, target, _head(raw, request), tokens)
    return Draft(contract, text, choices, target, tokens)


def _derived_target(raw: pd.DataFrame, columns: dict[str, ColumnProfile], request: Request) -> DerivedTarget | None:
    if request.minutes_between is None:
        return None
    target = Target(request.target, minutes_between=request.minutes_between, keep=request.keep)
    return DerivedTarget(raw, columns, target, request.minutes_between)


def _target_of_a_column(columns: dict[str, ColumnProfile], request: Request) -> TargetChoice:
    if request.target not in columns:
        raise InvalidTable("no contract can be drafted", [absent_column(request.target, list(columns))])
    return choose_target(columns.pop(request.target), request.positive)


class _Contracts:
    """Makes the contract of choices; the rest is the same in each."""

    def __init__(self, request: Request, target: TargetChoice, tokens: Mapping[str, str]) -> None:
        self.request, self._target, self.tokens = request, target, tokens
        self.known: tuple[str, ...] = ()

    def __call__(self, choices: Sequence[Choice]) -> Contract:
        target, name = self._target, self.request.name
        features = tuple(one.kept for one in choices if one.kept is not None)
        derived = tuple(each for one in choices if one.kept for each in one.derived)
        row_id = id_column(choices)
        groups = [one.column for one in choices if one.is_group]
        dropped = tuple(one.column for one in choices if not one.kept and one.column not in target.target.columns)
        table = Table(
            name=name,
            title=re.sub(r"[_-]+", " ", name).strip().capitalize() or name,
            task=target.task,
            id_column=row_id,
            missing_tokens=tuple(self.tokens),
            dropped_columns=tuple(column for column in dropped if column != row_id),
            slice_features=slices(features),
            known_before_outcome=self.known,
        )
        reply = Reply(_prediction_key(target))
        split = SplitRules(group_column=groups[0] if groups else None)
        read, trained = self._source(choices), training(features)
        drafted = Contract(
            table, target.target, reply, features, source=read, split=split, derived=derived, training=trained
        )
        return with_business_key(drafted, choices)

    def _source(self, choices: Sequence[Choice]) -> SourceOptions:
        """How the file is read, and that rows which are not valid are dropped if there are any."""
        some = self._target.invalid_rows or any(one.invalid_rows for one in choices if one.kept)
        return msgspec.structs.replace(self.request.source, on_invalid="drop") if some else self.request.source

    @property
    def invalid_target_rows(self) -> int:
        """How many rows have no target."""
        return self._target.invalid_rows


def _choices(
    raw: pd.DataFrame,
    columns: Sequence[ColumnProfile],
    contract_of: _Contracts,
    derived_target: DerivedTarget | None,
) -> list[Choice]:
    is_missing, tokens = contract_of([]).is_missing, list(contract_of.tokens)
    names = public_names([column.name for column in columns])
    budget = int(MAX_INVALID_SHARE * len(raw)) - contract_of.invalid_target_rows
    found: list[Choice] = []
    for column in columns:
        known = column.without(is_missing)
        in_order = None
        if known.is_numeric and not known.missing:
            in_order = [known.numbers[text] for text in raw[column.name]]
        one = derived_target.left_out(column.name) if derived_target else None
        if column.name in contract_of.request.drop:
            one = Choice(column.name, left_out=DROPPED)
        if one is None:
            most = min(budget, int(MAX_INVALID_SHARE_OF_A_COLUMN * len(raw)))
            one = choose(known, names[column.name], in_order, most)
        budget -= one.invalid_rows
        taken = [*names.values(), *(name for other in found for name in other.names)]
        found.append(replace(one, notes=(*one.notes, *doubts(known, tokens)), derived=_with_names(one.derived, taken)))
    return found


def _with_names(derived: Sequence[Derived], taken: Sequence[str]) -> tuple[Derived, ...]:
    """The derived columns under names that no other column has."""
    return tuple(msgspec.structs.replace(one, name=distinct_name(one.name, taken)) for one in derived)


def _known(request: Request, choices: Sequence[Choice]) -> tuple[str, ...]:
    """The public names of the features that the author vouches for; raises InvalidTable for what is none."""
    names = {one.feature.name: one.feature.name for one in choices if one.feature is not None}
    names |= {one.column: one.feature.name for one in choices if one.feature is not None}
    absent = [name for name in request.known_before_outcome if name not in names]
    if absent:
        raise InvalidTable("known= names what is no feature", [absent_column(name, list(names)) for name in absent])
    derived = {one.feature.name: one.names for one in choices if one.feature is not None}
    vouched = [name for given in request.known_before_outcome for name in derived[names[given]]]
    return tuple(dict.fromkeys(vouched))


def _without_suspects(
    raw: pd.DataFrame, choices: list[Choice], contract_of: _Contracts, suspects: Suspects
) -> list[Choice]:
    for _ in range(MAX_ROUNDS):
        contract = contract_of(choices)
        _require_features(contract, choices)
        found = {
            name: why for name, why in suspects(contract, clean(contract, raw)).items() if name not in contract_of.known
        }
        if not found:
            break
        choices = [
            replace(one, suspicion=next(found[name] for name in one.names if name in found))
            if one.kept and found.keys() & set(one.names)
            else one
            for one in choices
        ]
    _require_features(contract_of(choices), choices)
    return choices


def _require_features(contract: Contract, choices: Sequence[Choice]) -> None:
    if contract.features:
        return
    reasons = [Fault(one.column, f"is left out: {one.suspicion or one.left_out}", USABLE) for one in choices]
    raise InvalidTable("no column is left that could be a feature", reasons[:MAX_REASONS], len(reasons[MAX_REASONS:]))


def _prediction_key(target: TargetChoice) -> str:
    plain = public_names([target.target.column])[target.target.column].replace("_", " ")
    key = f"{plain} chance" if target.task == "binary" else f"predicted {plain}"
    return key if key not in REPLY_KEYS | RESULT_KEYS else f"{key} value"


def _head(raw: pd.DataFrame, request: Request) -> list[str]:
    return [
        f"Drafted from {request.file}: {len(raw):,} rows, {len(raw.columns)} columns",
        "A choice that may be doubted has its reason beside it. Every key: docs/reference/contract.md",
    ]
