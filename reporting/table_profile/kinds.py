"""What the columns of a table are, where no contract says it: as a drafted contract would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pandas as pd

from tabular.contract.features import Feature
from tabular.contract.types import Contract, Reply, Table, Target
from tabular.data.column_names import absent_column
from tabular.drafting.choice import public_names
from tabular.drafting.column import profile
from tabular.drafting.kinds import choose
from tabular.drafting.missing import missing_tokens
from tabular.errors import InvalidTable


class Kinds(NamedTuple):
    """A contract of the columns that say something, and why each of the others says nothing.

    The contract is read by, and not trained by: the target is one of its features.
    """

    contract: Contract
    left_out: Mapping[str, str]


def kinds_of(cells: pd.DataFrame, name: str, target: str = "") -> Kinds:
    """The kinds of the columns of text cells; raises InvalidTable for a target that is no column or says nothing."""
    if target and target not in cells.columns:
        raise InvalidTable("the table cannot be profiled", [absent_column(target, [str(one) for one in cells.columns])])
    columns = [profile(cells[column]) for column in cells.columns]
    contract = _contract(name, tuple(missing_tokens(columns)), ())
    names = public_names([column.name for column in columns])
    choices = [choose(column.without(contract.is_missing), names[column.name]) for column in columns]
    left_out = {one.column: one.left_out or "" for one in choices if one.feature is None}
    if target in left_out:
        raise InvalidTable(f"the column {target!r} cannot be what is predicted: {left_out[target]}")
    features = [one.feature for one in choices if one.feature is not None]
    return Kinds(_contract(name, contract.table.missing_tokens, features), left_out)


def _contract(name: str, tokens: Sequence[str], features: Sequence[Feature]) -> Contract:
    table = Table(name=name, title=name, task="regression", missing_tokens=tuple(tokens))
    return Contract(table, Target(""), Reply(""), tuple(_with_room(feature) for feature in features))


def _with_room(feature: Feature) -> Feature:
    """The feature with no limits: what is profiled is what is there."""
    low, high = -1.7e308, 1.7e308
    return msgspec.structs.replace(feature, range=(low, high)) if feature.is_numeric else feature
