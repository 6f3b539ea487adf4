"""The cells of one column as values under the contract, each different cell read once, numbers and dates in bulk.

`tabular.encoding.values` is the authority: a number or a date is read in bulk only where it is written plainly and
valid; every other cell goes to the reader of single values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tabular.contract.features import Feature
from tabular.contract.types import Contract, Target
from tabular.data.categories.spelling import in_one_spelling
from tabular.data.input_frame import datetimes
from tabular.data.rows.arrow_cells import arrow_cells
from tabular.encoding.dates import moment_in
from tabular.encoding.plain_numbers import Accepts, accepts_feature, accepts_target
from tabular.encoding.values import cell_reader, class_reader, target_number
from tabular.errors import Fault

PLAIN_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?$"
_PLAIN_DATE = r"(?:1[7-9]|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIME = r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{6})?)?"
PLAIN_MOMENT = {False: f"^{_PLAIN_DATE}(?:{_PLAIN_TIME})?$", True: f"^{_PLAIN_DATE}{_PLAIN_TIME}Z$"}
"""A date and time without and with a time zone, as nearly all files write it."""
FEW = 1_000
"""So many different cells are read one by one: asking Arrow would not be faster."""


class ColumnValues(NamedTuple):
    """A value for each row (None or NaN where it is missing or invalid), and which cells are not valid."""

    values: pd.Series[Any]
    is_invalid: pd.Series[bool]


class _Cells:
    """A column as its different texts, in order of appearance, and the position of each row's among them."""

    def __init__(self, raw: pd.Series[str]) -> None:
        encoded = arrow_cells(raw).dictionary_encode()
        self.texts = encoded.dictionary
        self.positions = encoded.indices.to_numpy(zero_copy_only=False)
        self._index, self._name = raw.index, raw.name

    def column(self, of_texts: NDArray[Any] | Sequence[Any], kind: str) -> pd.Series[Any]:
        return pd.Series(np.asarray(of_texts)[self.positions], self._index, dtype=kind, name=self._name)


def feature_values(feature: Feature, raw: pd.Series[str], contract: Contract) -> ColumnValues:
    """The canonical values of a feature; a category that the contract does not know is invalid, unless it learns them.

    Then it stays what it is, in one spelling: what the training rows do not teach is an unknown category.
    """
    cells, read = _Cells(raw), cell_reader(feature, contract)

    def value_of(text: str) -> tuple[Any, bool]:
        outcome = read(text)
        if isinstance(outcome, Fault) or (outcome[2] and not feature.learns_categories):
            return None, True
        return outcome[0], False

    def moment_of(text: str) -> tuple[float, bool]:
        outcome = read(text)
        return (math.nan, True) if isinstance(outcome, Fault) or outcome[2] else (outcome[1], False)

    if feature.is_numeric:
        return _numbers(cells, value_of, accepts_feature(feature, contract))
    if feature.is_datetime:
        codes, is_read = moments_in_bulk(cells.texts, contract, has_zone=feature.has_zone)
        is_bad = np.zeros(len(codes), dtype=bool)
        for at in np.flatnonzero(~is_read):
            codes[at], is_bad[at] = moment_of(cells.texts[int(at)].as_py())
        return ColumnValues(datetimes(codes[cells.positions], raw.index), cells.column(is_bad, "bool"))
    outcomes = [value_of(text) for text in cells.texts.to_pylist()]
    values = np.empty(len(outcomes), dtype=object)
    values[:] = [value for value, _ in outcomes]
    if feature.learns_categories:
        values[:] = in_one_spelling(values.tolist(), np.bincount(cells.positions, minlength=len(outcomes)))
    return ColumnValues(cells.column(values, "object"), cells.column([bad for _, bad in outcomes], "bool"))


def target_numbers(contract: Contract, raw: pd.Series[str]) -> pd.Series[float]:
    """The target of a regression; NaN where it is no number or missing."""

    def number_of(text: str) -> tuple[Any, bool]:
        number = None if contract.is_missing(text) else target_number(text)
        return number, number is None

    return _numbers(_Cells(raw), number_of, accepts_target(contract)).values


def target_classes(target: Target, raw: pd.Series[str]) -> tuple[pd.Series[float], pd.Series[Any]]:
    """The target of a classification, NaN where it cannot be read, and with classes in the contract's own spelling."""
    cells, read = _Cells(raw), class_reader(target)
    spelled = [read(text) for text in cells.texts.to_pylist()]
    codes: dict[str | None, float] = {label: code for code, label in enumerate(target.classes)}
    if target.positive is not None:
        codes = {label: label == target.positive for label in target.classes}
    labels = np.empty(len(spelled), dtype=object)
    labels[:] = spelled
    return cells.column([codes.get(label, math.nan) for label in spelled], "float64"), cells.column(labels, "str")


def moments(contract: Contract, raw: pd.Series[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The microseconds since 1970 of each cell, NaN where it is missing or no date, and whether it has a time zone."""
    cells = _Cells(raw)
    codes, is_read = moments_in_bulk(cells.texts, contract, has_zone=False)
    zoned, has_zone = moments_in_bulk(cells.texts, contract, has_zone=True)
    codes[has_zone] = zoned[has_zone]
    for at in np.flatnonzero(~(is_read | has_zone)):
        text = cells.texts[int(at)].as_py()
        found = None if contract.is_missing(text) else moment_in(text)
        if found is not None:
            codes[at], has_zone[at] = found.microseconds, found.has_zone
    return codes[cells.positions], has_zone[cells.positions]


def moments_in_bulk(
    texts: pa.Array, contract: Contract, *, has_zone: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The microseconds since 1970 of the texts that are plainly a date with or without a zone, and which were read."""
    codes, is_read = np.full(len(texts), np.nan), np.zeros(len(texts), dtype=bool)
    # A date may be what the table writes for "not known": then each is looked at.
    if len(texts) <= FEW or any(moment_in(token.upper()) for token in contract.table.missing_tokens):
        return codes, is_read
    is_plain: NDArray[np.bool_] = pc.match_substring_regex(texts, PLAIN_MOMENT[has_zone]).to_numpy(zero_copy_only=False)
    try:
        found = pc.cast(texts.filter(pa.array(is_plain)), pa.timestamp("us", "UTC" if has_zone else None))
    except pa.ArrowInvalid:  # a day that no month has
        return codes, is_read
    codes[is_plain] = found.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return codes, is_plain.copy()


def _numbers(cells: _Cells, value_of: Callable[[str], tuple[Any, bool]], accepts: Accepts) -> ColumnValues:
    values = np.full(len(cells.texts), np.nan)
    is_invalid = np.zeros(len(cells.texts), dtype=bool)
    is_read = _read_in_bulk(cells.texts, values, accepts) if len(cells.texts) > FEW else is_invalid
    for at in np.flatnonzero(~is_read):
        value, is_invalid[at] = value_of(cells.texts[int(at)].as_py())
        values[at] = np.nan if value is None else value
    return ColumnValues(cells.column(values, "float64"), cells.column(is_invalid, "bool"))


def _read_in_bulk(texts: pa.Array, values: NDArray[np.float64], accepts: Accepts) -> NDArray[np.bool_]:
    """Fill in the values of plain and valid numbers; which of them were read."""
    is_plain: NDArray[np.bool_] = pc.match_substring_regex(texts, PLAIN_NUMBER).to_numpy(zero_copy_only=False)
    try:
        numbers = pc.cast(texts.filter(pa.array(is_plain)), pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # a number of hundreds of digits
        return np.zeros(len(texts), dtype=bool)
    is_read = is_plain.copy()
    is_read[is_plain] = accepted = accepts(numbers)
    values[is_read] = numbers[accepted]
    return is_read
