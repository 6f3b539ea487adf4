"""The cells of one column as values under the contract, each different cell read once, numbers in bulk.

`tabular.encoding.values` is the authority: a number is read in bulk only where it is written plainly and valid; every
other cell goes to the reader of single values.
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

from tabular.contract.canonical import LARGEST_NUMBER
from tabular.contract.features import Feature
from tabular.contract.types import Contract, Target
from tabular.data.input_frame import datetimes
from tabular.encoding.values import cell_reader, class_reader, target_number
from tabular.errors import Fault

PLAIN_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?$"
FEW = 1_000
"""So many different cells are read one by one: asking Arrow would not be faster."""

Accepts = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


class ColumnValues(NamedTuple):
    """A value for each row (None or NaN where it is missing or invalid), and which cells are not valid."""

    values: pd.Series[Any]
    is_invalid: pd.Series[bool]


class _Cells:
    """A column as its different texts, in order of appearance, and the position of each row's among them."""

    def __init__(self, raw: pd.Series[str]) -> None:
        encoded = pa.chunked_array(pa.array(raw, from_pandas=True)).combine_chunks().dictionary_encode()
        self.texts = encoded.dictionary
        self.positions = encoded.indices.to_numpy(zero_copy_only=False)
        self._index, self._name = raw.index, raw.name

    def column(self, of_texts: NDArray[Any] | Sequence[Any], kind: str) -> pd.Series[Any]:
        return pd.Series(np.asarray(of_texts)[self.positions], self._index, dtype=kind, name=self._name)


def feature_values(feature: Feature, raw: pd.Series[str], contract: Contract) -> ColumnValues:
    """The canonical values of a feature; a category that the contract does not know is invalid."""
    cells, read = _Cells(raw), cell_reader(feature, contract)

    def value_of(text: str) -> tuple[Any, bool]:
        outcome = read(text)
        return (None, True) if isinstance(outcome, Fault) or outcome[2] else (outcome[0], False)

    def moment_of(text: str) -> tuple[float, bool]:
        outcome = read(text)
        return (math.nan, True) if isinstance(outcome, Fault) or outcome[2] else (outcome[1], False)

    if feature.is_numeric:
        return _numbers(cells, value_of, _accepts(feature, contract))
    if feature.is_datetime:
        codes, is_bad = zip(*map(moment_of, cells.texts.to_pylist()), strict=True)
        return ColumnValues(datetimes(np.array(codes)[cells.positions], raw.index), cells.column(is_bad, "bool"))
    outcomes = [value_of(text) for text in cells.texts.to_pylist()]
    values = np.empty(len(outcomes), dtype=object)
    values[:] = [value for value, _ in outcomes]
    return ColumnValues(cells.column(values, "object"), cells.column([bad for _, bad in outcomes], "bool"))


def target_numbers(contract: Contract, raw: pd.Series[str]) -> pd.Series[float]:
    """The target of a regression; NaN where it is no number or missing."""

    def number_of(text: str) -> tuple[Any, bool]:
        number = None if contract.is_missing(text) else target_number(text)
        return number, number is None

    return _numbers(_Cells(raw), number_of, _accepts_target(contract)).values


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


def _accepts(feature: Feature, contract: Contract) -> Accepts:
    low, high = feature.ends
    missing = np.array(sorted(contract.missing_numbers), dtype=np.float64)

    def accepts(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        is_valid: NDArray[np.bool_] = (numbers >= low) & (numbers <= high) & ~np.isin(numbers, missing)
        if feature.kind == "integer":
            # A negative zero is the whole number zero; it goes the long way.
            is_valid &= (numbers == np.floor(numbers)) & ~((numbers == 0) & np.signbit(numbers))
        return is_valid

    return accepts


def _accepts_target(contract: Contract) -> Accepts:
    missing = np.array(sorted(contract.missing_numbers), dtype=np.float64)

    def accepts(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (np.abs(numbers) <= LARGEST_NUMBER) & ~np.isin(numbers, missing)

    return accepts
