"""Ground-truth labels, attached to stored predictions: `python -m reporting.labels outcomes.csv`.

A CSV with the columns `prediction_id` (as the API or the results stream returned it) and `label` (a class of the
contract, or the number of a regression; empty where it is not known yet). The next report then measures
the quality; without labels none does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.encoding.values import class_reader, listed, target_number
from tabular.errors import Fault, InvalidTable, TabularError
from tabular.ports.predictions import PredictionWriter
from tabular.wiring import wire

ID, LABEL = "prediction_id", "label"
BATCH_ROWS = 1_000
MAX_FAULTS_SHOWN = 10


class Labels(NamedTuple):
    """The ids and labels of a file, each id once, and how many of its rows have no label yet."""

    known: list[tuple[str, str | float]]
    blank: int = 0


class Attached(NamedTuple):
    """How many labels there were, how many of them found their prediction, and how many rows had none."""

    given: int
    found: int
    blank: int = 0

    def __str__(self) -> str:
        lost = self.given - self.found
        unknown = f"; {lost:,} name no stored prediction of the table" if lost else ""
        blank = f"; rows left out because they have no label yet: {self.blank:,}" if self.blank else ""
        return f"{self.found:,} of {self.given:,} labels are attached to their predictions{unknown}{blank}."


def read_labels(body: bytes, contract: Contract) -> Labels:
    """The ids and labels of a CSV; raises InvalidTable naming the columns that lack, or the rows at fault.

    A row whose label is empty or a missing token is left out and counted: its outcome is not known yet.
    """
    table = read_table(body).cells
    needed = f"a file of labels has the columns {ID} and {LABEL}"
    absent = [Fault(column, "is missing from the file", needed) for column in (ID, LABEL) if column not in table]
    if absent:
        raise InvalidTable("nothing was attached", absent)
    read, first, faults, blank = label_reader(contract), dict[str, _LabelledRow](), list[Fault](), 0
    for row, (given_id, text) in enumerate(zip(table[ID], table[LABEL], strict=True), start=1):
        if contract.is_missing(text):
            blank += 1
            continue
        given = _LabelledRow(row, text, read(text))
        known = given_id.lower()  # ids are UUIDs, which some programs write in capitals
        if fault := _fault(given_id, given, first.setdefault(known, given), contract):
            faults.append(fault)
    if faults:
        count = "1 row is" if len(faults) == 1 else f"{len(faults):,} rows are"
        raise InvalidTable(f"nothing was attached, for {count} at fault", faults[:MAX_FAULTS_SHOWN])
    return Labels([(known, given.label) for known, given in first.items() if given.label is not None], blank)


class _LabelledRow(NamedTuple):
    """One row of the file: its number, from 1, its label as it is written, and as it is read."""

    row: int
    text: str
    label: str | float | None


def _fault(given_id: str, given: _LabelledRow, before: _LabelledRow, contract: Contract) -> Fault | None:
    """What is wrong with a row, of which `before` is the first with the same id."""
    if not given_id:
        return Fault(ID, "is empty", "the id that came with the prediction", given_id, given.row)
    if given.label is None:
        allowed = f"{listed(contract.target.classes) or 'a number'}, or nothing if it is not known yet"
        return Fault(LABEL, f"cannot be {given.text!r}", allowed, given.text, given.row)
    if before.label != given.label:
        problem = (
            f"{given_id!r} has the label {before.text!r} in row {before.row} and {given.text!r} in row {given.row}"
        )
        return Fault(ID, problem, "one outcome for each prediction", given_id, given.row)
    return None


def label_reader(contract: Contract) -> Callable[[str], str | float | None]:
    """What reads a text as a class of the contract, or as the number of a regression; None for what is neither."""
    if contract.target.classes:
        return class_reader(contract.target)

    return target_number


def attach(store: PredictionWriter, table: str, labels: Labels) -> Attached:
    """Attach labels to their predictions of a table; doing it again changes nothing. Raises Unavailable."""
    parts = (labels.known[begin : begin + BATCH_ROWS] for begin in range(0, len(labels.known), BATCH_ROWS))
    return Attached(len(labels.known), sum(store.set_labels(table, part) for part in parts), labels.blank)


def main() -> int:
    """Attach the labels of one file; 1 with the reason in plain words if it cannot be done."""
    parser = argparse.ArgumentParser(description="Attach true outcomes to stored predictions.")
    parser.add_argument("file", type=Path, help=f"a CSV with the columns {ID} and {LABEL}")
    parser.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    arguments = parser.parse_args()
    path = arguments.file
    try:
        wiring = wire().for_table(arguments.table)
        contract = wiring.contract
        attached = attach(wiring.predictions(), contract.table.name, read_labels(path.read_bytes(), contract))
    except (OSError, TabularError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        sys.stderr.write(f"The labels of {path} are not attached: {why}\n")
        return 1
    sys.stdout.write(f"{attached}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
