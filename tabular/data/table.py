"""From the cells of a file to a clean table: the training side's reading of the contract (pandas)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract, Feature
from tabular.data.column_names import absent_columns
from tabular.data.reading import read_table
from tabular.data.split_columns import read_groups, read_times
from tabular.encoding.row import Matrix
from tabular.encoding.values import cell_reader, class_reader, listed, target_number
from tabular.errors import Fault, InvalidTable

MAX_FAULTS_SHOWN_PER_COLUMN = 5
LIKELY_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "#n/a", "<na>", "unknown"})
"""Cells that usually mean "not known"; they do so only if the contract says it."""
MAKE_MISSING = ". If {} means that it is not known, add it to missing_tokens in the contract's [table]"
LEAVE_OUT = ". If {} means that it is not known, leave these rows out: nothing can be learnt from them"


@dataclass(frozen=True)
class CleanTable:
    """A table that is valid under its contract.

    `features` has one column a feature, in contract order, with canonical values (None or NaN where missing);
    `target` is float64: 1 for the positive class of a binary task, the class position, or the value to predict;
    `raw_target` holds its classes as the contract writes them, or the number; `times` rises with the time of the rows
    and `groups` names their groups, None where the contract's split has no such column. All parts have one index, the
    0-based row of the file.
    """

    features: pd.DataFrame
    target: pd.Series[float]
    raw_target: pd.Series[Any]
    times: pd.Series[float] | None = None
    groups: pd.Series[str] | None = None

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


def read_csv(body: bytes) -> pd.DataFrame:
    """The cells of a CSV that is told by its content alone; raises InvalidTable. See `tabular.data.reading`."""
    return read_table(body).cells


def clean(contract: Contract, raw: pd.DataFrame) -> CleanTable:
    """Clean a raw table by its contract; raises InvalidTable naming columns, and rows (1-based, header not counted)."""
    if absent := absent_columns(contract, list(raw.columns)):
        raise InvalidTable("the table lacks columns", absent)
    if raw.empty:
        raise InvalidTable("the table has no rows")
    faults, columns = [], {}
    for feature in contract.features:
        cleaned, bad = _clean_feature(feature, raw[feature.column], contract)
        columns[feature.name] = cleaned
        faults += _faults(feature.column, raw[feature.column], bad, _allowed(feature), MAKE_MISSING)
    target, raw_target = _clean_target(contract, raw[contract.target.column])
    allowed = _target_allowed(contract)
    faults += _faults(contract.target.column, raw[contract.target.column], target.isna(), allowed, LEAVE_OUT)
    times, groups = read_times(contract, raw), read_groups(contract, raw)
    for read in (times, groups):
        if read is not None:
            faults += _faults(read.column, raw[read.column], read.bad, read.allowed, LEAVE_OUT)
    if faults:
        raise InvalidTable(f"the table breaks the contract {contract.table.name}", faults)
    order, members = (None if read is None else read.values for read in (times, groups))
    return CleanTable(pd.DataFrame(columns), target, raw_target, order, members)


def encode(contract: Contract, features: pd.DataFrame) -> Matrix:
    """Encode canonical columns to an n x k float32 matrix: the same codes as `RowCodec`, column by column."""
    encoded = np.empty((len(features), len(contract.features)), dtype=np.float32)
    for position, feature in enumerate(contract.features):
        column = features[feature.name]
        if not feature.is_numeric:
            column = column.map({category: code for code, category in enumerate(feature.categories)})
        encoded[:, position] = column.astype("float64")
    return encoded


def public_records(contract: Contract, features: pd.DataFrame) -> list[dict[str, Any]]:
    """Canonical columns as request bodies: plain Python values, None where missing."""
    columns = []
    for feature in contract.features:
        column = features[feature.name]
        kind = {"integer": int, "number": float}.get(feature.kind, str)
        columns.append([None if pd.isna(value) else kind(value) for value in column])
    return [dict(zip(contract.feature_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _clean_feature(feature: Feature, raw: pd.Series[str], contract: Contract) -> tuple[pd.Series[Any], pd.Series[bool]]:
    read = cell_reader(feature, contract)
    outcomes = {text: read(text) for text in raw.unique()}
    bad = {text for text, outcome in outcomes.items() if isinstance(outcome, Fault) or outcome[2]}
    values = {text: None if text in bad else outcome[0] for text, outcome in outcomes.items()}  # type: ignore[index]
    kind = "float64" if feature.is_numeric else "object"
    return pd.Series([values[text] for text in raw], raw.index, dtype=kind), raw.isin(bad)


def _clean_target(contract: Contract, raw: pd.Series[str]) -> tuple[pd.Series[float], pd.Series[Any]]:
    """The target, NaN where it cannot be read, and with classes in the contract's own spelling."""
    target = contract.target
    if not target.classes:
        known = (None if contract.is_missing(text) else target_number(text) for text in raw)
        numbers = pd.Series(list(known), raw.index, dtype="float64", name=raw.name)
        return numbers, numbers
    read = class_reader(target)
    spelled = {text: read(text) for text in raw.unique()}
    labels = pd.Series([spelled[text] for text in raw], raw.index, dtype="str", name=raw.name)
    codes: dict[str, float] = {label: code for code, label in enumerate(target.classes)}
    if target.positive is not None:
        codes = {label: label == target.positive for label in target.classes}
    return labels.map(codes).astype("float64"), labels


def _faults(column: str, raw: pd.Series[str], bad: pd.Series[bool], allowed: str, remedy: str) -> list[Fault]:
    rows = np.flatnonzero(bad.to_numpy())
    more = f" ({len(rows)} rows in all)" if len(rows) > MAX_FAULTS_SHOWN_PER_COLUMN else ""
    likely = [text for text in raw[bad].unique() if text.casefold() in LIKELY_MISSING or not text]
    allowed += remedy.format(listed([repr(text) for text in likely])) if likely else ""
    return [
        Fault(column, f"holds {raw.iloc[row]!r}{more}", allowed, raw.iloc[row], int(row) + 1)
        for row in rows[:MAX_FAULTS_SHOWN_PER_COLUMN]
    ]


def _allowed(feature: Feature) -> str:
    if feature.range is not None:
        kind = "a whole number" if feature.kind == "integer" else "a number"
        return f"{kind} from {feature.range[0]:g} to {feature.range[1]:g}"
    return f"one of {listed(feature.categories)}"


def _target_allowed(contract: Contract) -> str:
    if contract.target.classes:
        return f"one of {listed(contract.target.classes)}"
    tokens = contract.table.missing_tokens
    return f"a finite number, and no missing token ({listed(tokens)})" if tokens else "a finite number"
