"""From a stored prediction with its label to the cells of a table's row, which reads back to the same model input.

What is stored are canonical values of the features, before anything is derived from them. A missing value is an empty
cell. A category that the contract does not list was missing to the model, and its text is stored: where the contract
learns the categories it is written, so that it can be learnt; else it is written as missing, for the table could not be
read with it. A derived target (`minutes_between`) is written as its second column: the first one plus the label, exact
to a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.dates import MINUTE_US, moment_in, text_of
from tabular.encoding.values import Outcome, Value, cell_reader, class_reader, target_number
from tabular.errors import Fault, Rejected
from tabular.predictions.prediction import Prediction

PREDICTION_ID = "prediction_id"
"""The column that says of which prediction a row is; empty for the rows of the parent."""


class RowCells(NamedTuple):
    """The cells by column of the table, and the features whose unknown category is written as missing."""

    cells: dict[str, str]
    as_missing: tuple[str, ...]


class NoRow(Rejected):
    """A prediction that cannot be a row of the table; the message is the reason, the same for all of one kind."""


class CellWriter:
    """Writes predictions as rows of one contract's table; raises Rejected if no prediction could be one."""

    def __init__(self, contract: Contract) -> None:
        _require_columns(contract)
        self._contract = contract
        self._readers: tuple[Callable[[str], Outcome], ...] = tuple(
            cell_reader(feature, contract) for feature in contract.features
        )
        self._class_of = class_reader(contract.target)

    def row(self, prediction: Prediction) -> RowCells:
        """The row of a labelled prediction; raises NoRow with the reason."""
        cells: dict[str, str] = {}
        as_missing = []
        for feature, read in zip(self._contract.features, self._readers, strict=True):
            cells[feature.column], is_unlisted = _feature_cell(feature, read, prediction.row)
            if is_unlisted:
                as_missing.append(feature.name)
        cells |= self._target_cells(prediction.label, cells)
        if self._contract.table.id_column is not None:
            cells[self._contract.table.id_column] = prediction.business_key or ""
        cells.setdefault(PREDICTION_ID, prediction.id)
        return RowCells(cells, tuple(as_missing))

    def _target_cells(self, label: str | float | None, cells: dict[str, str]) -> dict[str, str]:
        target = self._contract.target
        if target.classes:
            found = None if label is None else self._class_of(label)
            if found is None:
                raise NoRow("its label is no class of the contract")
            return {target.column: found}
        number = _number(label)
        if number is None or (target.non_negative and number < 0):
            raise NoRow("its label is no number that the contract allows")
        if target.minutes_between is not None:
            return {target.minutes_between[1]: _end(cells[target.minutes_between[0]], number)}
        text = repr(number)
        if self._contract.is_missing(text):
            raise NoRow("its label is a missing token of the contract")
        return {target.column: text}


def _feature_cell(feature: Feature, read: Callable[[str], Outcome], row: dict[str, Value]) -> tuple[str, bool]:
    """The cell, and whether it is empty because the contract does not list its category."""
    if feature.name not in row:
        raise NoRow(f"it was made without the feature {feature.name}, under another contract")
    text = _text(feature, row[feature.name])
    outcome = read(text)
    if isinstance(outcome, Fault):
        raise NoRow(f"its {feature.name} is not valid under today's contract")
    if outcome[2] and not feature.learns_categories:
        return "", True
    return text, False


def _text(feature: Feature, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and feature.is_numeric:
        is_whole = feature.kind == "integer" and value == int(value)
        return str(int(value)) if is_whole else repr(float(value))
    return str(value)


def _number(label: str | float | None) -> float | None:
    return None if label is None or isinstance(label, str) else target_number(repr(float(label)))


def _end(begin: str, minutes: float) -> str:
    """The text of a moment so many minutes after another."""
    moment = moment_in(begin)
    if moment is None:
        raise NoRow("the beginning of its target is missing")
    try:
        text = text_of(moment.microseconds + round(minutes * MINUTE_US), has_zone=moment.has_zone)
    except OverflowError:
        text = ""
    if moment_in(text) is None:
        raise NoRow("its target would end in a year that no table may hold")
    return text


def _require_columns(contract: Contract) -> None:
    """Raise Rejected, naming the column and what to do, if the contract needs what no stored prediction has."""
    known = {feature.column for feature in contract.features} | {contract.table.id_column}
    begin = contract.target.minutes_between[:1] if contract.target.minutes_between is not None else ()
    filters = tuple(one.column for one in contract.filters)
    needed = {"target.minutes_between": begin, "split": contract.split.columns, "filters": filters}
    for key, names in needed.items():
        for name in names:
            if name not in known:
                raise Rejected(
                    f"predictions of the table {contract.table.name} cannot become rows: the contract's {key} needs "
                    f"the column {name}, which is no feature, so that no stored prediction has it. Make it a feature "
                    "(model_input = false keeps it from the model), and clients send it"
                )
