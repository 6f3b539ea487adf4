"""One reading of a label, whatever brings it: a request, a record of the stream or a row of a file.

    {"prediction_id": "1b4e28ba-…", "outcome": "Attrited Customer", "observed_at": "2026-11-20"}
    {"<the contract's business key>": "C-1001", "outcome": "Attrited Customer"}

A label that is null, empty or a missing token of the contract is blank: the outcome is not known yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tabular.contract.canonical import LARGEST_NUMBER
from tabular.contract.types import Contract
from tabular.encoding.business_key import key_reader
from tabular.encoding.dates import EPOCH, moment_in
from tabular.encoding.values import class_reader, listed, shown, shown_name, target_number
from tabular.errors import Fault, InvalidRow
from tabular.predictions.label import Label, LabelSource

ID, OUTCOME, OBSERVED_AT = "prediction_id", "outcome", "observed_at"
MAX_ID_CHARACTERS = 200
MAX_FAULTS = 100
CLOCK_SLACK = timedelta(days=1)
"""By how much `observed_at` may be ahead: a time without a zone is taken for UTC."""

_ID = re.compile(rf"[!-~]{{1,{MAX_ID_CHARACTERS}}}")
_A_TIME = "a date or a time such as 2026-11-20 or 2026-11-20T12:00Z, not in the future; null, or left out, if unknown"
_AN_ID = "the id that came with the prediction"

Outcome = str | float


class Labels(NamedTuple):
    """The labels of one request or file, each prediction or key once, and how many rows have no label yet."""

    known: list[Label]
    blank: int = 0


class LabelReader:
    """Reads labels under one contract, of one source."""

    def __init__(self, contract: Contract, source: LabelSource) -> None:
        self.key = contract.table.business_key
        self.allowed_outcomes = listed(contract.target.classes) or "a number"
        self._table, self._source = contract.table.name, source
        self._is_missing = contract.is_missing
        self._outcome = outcome_reader(contract)
        self._key_of = key_reader(contract)
        self._fields = (ID, *([self.key] if self.key else []), OUTCOME, OBSERVED_AT)

    def read(self, record: object, received_at: datetime) -> Label | None:
        """The label of one record, None for a blank one; raises InvalidRow naming every fault."""
        if not isinstance(record, Mapping):
            fault = Fault("record", "is not an object", f"an object of {', '.join(self._fields)}", shown(record))
            raise InvalidRow("a label must be a JSON object", [fault])
        faults = [
            Fault(shown_name(name), "is no field of a label", f"one of {', '.join(self._fields)}", shown(value))
            for name, value in record.items()
            if name not in self._fields
        ]
        whose = self._read_whose(record, faults)
        outcome = self._read_outcome(record, faults)
        observed_at = self._read_observed_at(record.get(OBSERVED_AT), received_at, faults)
        if faults:
            raise InvalidRow("the label is not valid under the contract", faults[:MAX_FAULTS], len(faults[MAX_FAULTS:]))
        if outcome is None:
            return None
        about: dict[str, Any] = {"observed_at": observed_at, "received_at": received_at, "source": self._source}
        return Label(table=self._table, outcome=outcome, **whose, **about)

    def read_all(self, records: Iterable[object], received_at: datetime, first_row: int = 0) -> Labels:
        """The labels of one request or file, all or none; raises InvalidRow naming each row at fault, from `first_row`.

        A prediction or a key with two outcomes is a fault, for nobody can say which came later.
        """
        found, faults, blank = dict[tuple[str | None, str | None], tuple[int, Label]](), list[Fault](), 0
        for row, record in enumerate(records, first_row):
            try:
                label = self.read(record, received_at)
            except InvalidRow as error:
                faults += [Fault(one.field, one.problem, one.allowed, one.given, row) for one in error.faults]
                continue
            if label is None:
                blank += 1
                continue
            first, before = found.setdefault((label.prediction_id, label.business_key), (row, label))
            if before.outcome != label.outcome:
                faults.append(self._contradiction(before, first, label, row))
        if faults:
            raise invalid_labels(faults)
        return Labels([label for _, label in found.values()], blank)

    def _read_whose(self, record: Mapping[str, object], faults: list[Fault]) -> dict[str, Any]:
        given, by_id = record.get(ID), {}
        if given is not None:
            text = given.strip() if isinstance(given, str) else ""
            if _ID.fullmatch(text):
                by_id = {ID: text.lower()}  # ids are UUIDs, which some programs write in capitals
            else:
                faults.append(Fault(ID, "is no id" if text else "is empty", _AN_ID, shown(given)))
                return {}
        key = self._key_of(record.get(self.key)) if self.key else None
        if isinstance(key, Fault):
            faults.append(key)
            return {}
        if (key is None) == (not by_id):
            faults.append(self._whose_fault(is_both=key is not None))
        return by_id or ({"business_key": key} if key is not None else {})

    def _whose_fault(self, *, is_both: bool) -> Fault:
        if is_both:
            return Fault(ID, f"is there, and so is {self.key}", "one of the two")
        either = f"{_AN_ID}, or {self.key} instead" if self.key else _AN_ID
        return Fault(ID, "is missing", either)

    def _read_outcome(self, record: Mapping[str, object], faults: list[Fault]) -> Outcome | None:
        allowed = f"{self.allowed_outcomes}, or null if it is not known yet"
        if OUTCOME not in record:
            faults.append(Fault(OUTCOME, "is missing", allowed))
            return None
        given = record[OUTCOME]
        if given is None or (isinstance(given, str | int | float) and self._is_missing(given)):
            return None
        outcome = self._outcome(given)
        if outcome is None:
            faults.append(Fault(OUTCOME, f"cannot be {shown(given)!r}", allowed, shown(given)))
        return outcome

    def _read_observed_at(self, given: object, received_at: datetime, faults: list[Fault]) -> datetime | None:
        if given is None or (isinstance(given, str) and self._is_missing(given)):
            return None
        moment = moment_in(given) if isinstance(given, str) else None
        if moment is None:
            faults.append(Fault(OBSERVED_AT, "is no date or time", _A_TIME, shown(given)))
            return None
        at = (EPOCH + timedelta(microseconds=moment.microseconds)).replace(tzinfo=UTC)
        if at > received_at + CLOCK_SLACK:
            faults.append(Fault(OBSERVED_AT, "is yet to come", _A_TIME, shown(given)))
        return at

    def _contradiction(self, before: Label, first_row: int, label: Label, row: int) -> Fault:
        name, whose = (ID, label.prediction_id) if label.prediction_id else (self.key or "", label.business_key)
        problem = f"{whose!r} has the label {before.outcome!r} in row {first_row} and {label.outcome!r} in row {row}"
        return Fault(name, problem, "one outcome in one file or request; a correction comes after it", whose, row)


def invalid_labels(faults: list[Fault]) -> InvalidRow:
    """The error of a file or request with these faults, of which the first are named."""
    rows = len({fault.row for fault in faults})
    count = "1 row is" if rows == 1 else f"{rows:,} rows are"
    message = f"nothing was attached, for {count} at fault"
    return InvalidRow(message, faults[:MAX_FAULTS], len(faults[MAX_FAULTS:]))


def outcome_reader(contract: Contract) -> Callable[[object], Outcome | None]:
    """What reads a value as a class of the contract, or as the number of a regression; None for what is neither."""
    return class_reader(contract.target) if contract.target.classes else _number


def _number(given: object) -> float | None:
    if isinstance(given, str):
        return target_number(given)
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LARGEST_NUMBER:
        return None
    return float(given)
