"""From the cells of a file to a clean table: the training side's reading of the contract (pandas)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.column_names import absent_column, absent_columns
from tabular.data.column_values import feature_values
from tabular.data.input_frame import input_columns
from tabular.data.invalid_cells import NONE_DROPPED, DroppedRows, InvalidCells
from tabular.data.rows.filters import ALLOWED, filtered
from tabular.data.split_columns import read_groups, read_times
from tabular.data.target import clean_target, target_allowed
from tabular.encoding.dates import iso_text
from tabular.encoding.row import Matrix
from tabular.encoding.values import datetime_form, listed, max_characters
from tabular.errors import InvalidTable

MAKE_MISSING = ". If {} means that it is not known, add it to missing_tokens in the contract's [table]"
LEAVE_OUT = ". If {} means that it is not known, leave these rows out: nothing can be learnt from them"


@dataclass(frozen=True)
class CleanTable:
    """A table that is valid under its contract.

    `features` has one column a feature, in contract order, with canonical values (None or NaN where missing), of a
    datetime as datetime64 in microseconds (in UTC if it has a zone);
    `target` is float64: 1 for the positive class of a binary task, the class position, or the value to predict;
    `raw_target` holds its classes as the contract writes them, or the number; `times` rises with the time of the rows
    and `groups` names their groups, None where the contract's split has no such column. All parts have one index, the
    0-based row of the file. `dropped` says which rows of the file are not here because they are not valid,
    `rows_left_out` how many valid ones are not because of the contract's `[[filters]]` or its target's `keep`.
    """

    features: pd.DataFrame
    target: pd.Series[float]
    raw_target: pd.Series[Any]
    times: pd.Series[float] | None = None
    groups: pd.Series[str] | None = None
    dropped: DroppedRows = NONE_DROPPED
    rows_left_out: int = 0

    def __len__(self) -> int:
        return len(self.features)

    @property
    def has_classes(self) -> bool:
        """True for a classification table, False for a regression."""
        return not pd.api.types.is_float_dtype(self.raw_target)

    @property
    def group_names(self) -> NDArray[Any] | None:
        """The group of each row; None where every row is by itself."""
        return None if self.groups is None else self.groups.to_numpy()

    def take(self, rows: NDArray[np.int64]) -> CleanTable:
        """The rows at these positions, in this order."""
        times = None if self.times is None else self.times.iloc[rows]
        groups = None if self.groups is None else self.groups.iloc[rows]
        return CleanTable(self.features.iloc[rows], self.target.iloc[rows], self.raw_target.iloc[rows], times, groups)

    def sample(self, most: int) -> CleanTable:
        """At most so many rows in their order, the same each time; the table itself if it has no more."""
        if len(self) <= most:
            return self
        return self.take(sampled_positions(len(self), most))


def sampled_positions(rows: int, most: int) -> NDArray[np.int64]:
    """So many positions among the rows, drawn without replacement, in order, the same each time."""
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def clean(contract: Contract, raw: pd.DataFrame) -> CleanTable:
    """Clean a raw table by its contract; raises InvalidTable naming columns, and rows (1-based, header not counted).

    Rows that are not valid are dropped where the contract says `on_invalid = "drop"`, up to a share of them.
    """
    if absent := absent_columns(contract, list(raw.columns)):
        raise InvalidTable("the table lacks columns", absent)
    if raw.empty:
        raise InvalidTable("the table has no rows")
    invalid = InvalidCells(contract, len(raw))
    features = _features(contract, raw, invalid)
    target, raw_target, unread = clean_target(contract, raw)
    for column in contract.target.columns:
        invalid.add(column, raw[column], unread[column], target_allowed(contract), LEAVE_OUT)
    times, groups = read_times(contract, raw), read_groups(contract, raw)
    for split_by in (times, groups):
        if split_by is not None:
            invalid.add(split_by.column, raw[split_by.column], split_by.bad, split_by.allowed, LEAVE_OUT)
    is_wanted = _wanted(contract, raw, target, invalid)
    dropped = invalid.dropped()
    order, members = (None if each is None else each.values for each in (times, groups))
    table = CleanTable(features, target, raw_target, order, members)
    is_valid = ~invalid.is_invalid
    is_kept = is_valid & is_wanted
    kept = table if is_kept.all() else table.take(np.flatnonzero(is_kept))
    return replace(kept, dropped=dropped, rows_left_out=int(is_valid.sum() - is_kept.sum()))


def clean_features(contract: Contract, raw: pd.DataFrame) -> CleanTable:
    """The same of rows whose target nobody knows, NaN here: only the columns of the features are asked for."""
    columns = list(raw.columns)
    if absent := [absent_column(one.column, columns) for one in contract.features if one.column not in columns]:
        raise InvalidTable("the table lacks columns", absent)
    invalid = InvalidCells(contract, len(raw))
    features = _features(contract, raw, invalid)
    dropped, unknown = invalid.dropped(), pd.Series(np.nan, raw.index)
    table = CleanTable(features, unknown, unknown)
    return replace(table.take(np.flatnonzero(~invalid.is_invalid)), dropped=dropped)


def _features(contract: Contract, raw: pd.DataFrame, invalid: InvalidCells) -> pd.DataFrame:
    """The canonical values of each feature; its cells that are not valid are added to the invalid ones."""
    columns = {}
    for feature in contract.features:
        read = feature_values(feature, raw[feature.column], contract)
        columns[feature.name] = read.values
        invalid.add(feature.column, raw[feature.column], read.is_invalid, _allowed(feature), MAKE_MISSING)
    return pd.DataFrame(columns, copy=False)


def _wanted(
    contract: Contract, raw: pd.DataFrame, target: pd.Series[float], invalid: InvalidCells
) -> NDArray[np.bool_]:
    """Which rows pass the contract's filters and its target's limits; what a filter cannot compare is invalid."""
    is_wanted = np.ones(len(raw), dtype=bool)
    for one in filtered(contract, raw):
        invalid.add(one.column, raw[one.column], one.bad, ALLOWED, MAKE_MISSING)
        is_wanted &= one.is_kept
    if contract.target.keep is not None:
        is_wanted &= target.between(*contract.target.keep).to_numpy()
    return is_wanted


def encode(contract: Contract, features: pd.DataFrame) -> Matrix:
    """Encode canonical columns to the model's n x inputs float32 matrix: as `RowCodec` does, column by column."""
    encoded = np.empty((len(features), len(contract.inputs)), dtype=np.float32)
    for position, column in enumerate(input_columns(contract, features)):
        encoded[:, position] = column
    return encoded


def public_records(contract: Contract, features: pd.DataFrame) -> list[dict[str, Any]]:
    """Canonical columns as request bodies: plain Python values, None where missing."""
    columns = []
    for feature in contract.features:
        public = _public_value(feature)
        columns.append([None if pd.isna(value) else public(value) for value in features[feature.name]])
    return [dict(zip(contract.feature_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _public_value(feature: Feature) -> Callable[[Any], Any]:
    if feature.is_datetime:
        return lambda moment: iso_text(moment.to_pydatetime(), has_zone=feature.has_zone)
    return {"integer": int, "number": float}.get(feature.kind, str)


def _allowed(feature: Feature) -> str:
    if feature.range is not None:
        kind = "a whole number" if feature.kind == "integer" else "a number"
        return f"{kind} from {feature.range[0]:g} to {feature.range[1]:g}"
    if feature.is_datetime:
        return datetime_form(feature)
    if feature.learns_categories:
        return f"a text of at most {max_characters(feature)} characters"
    return f"one of {listed(feature.categories)}"
