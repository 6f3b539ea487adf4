"""What became true, attached to what was predicted: `python -m reporting.labels outcomes.csv`.

A CSV with the columns `prediction_id` (as the API or the results stream answered it) and `label` (a class of the
contract, or the number of a regression). The next report then tells the quality; without labels it never does.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tabular.adapters.predictions import MongoPredictions
from tabular.canonical import number_in
from tabular.contract import Contract, load_contract
from tabular.errors import Fault, InvalidTable, TabularError
from tabular.ports import Predictions
from tabular.settings import load_settings
from tabular.table import read_csv
from tabular.values import class_reader

ID, LABEL = "prediction_id", "label"
BATCH_ROWS = 1_000
MAX_FAULTS_TOLD = 10


class Attached(NamedTuple):
    """How many labels there were, and how many of them found their prediction."""

    given: int
    found: int

    def __str__(self) -> str:
        lost = self.given - self.found
        unknown = f"; {lost:,} name no stored prediction" if lost else ""
        return f"{self.found:,} of {self.given:,} labels are attached to their predictions{unknown}."


def read_labels(body: bytes, contract: Contract) -> list[tuple[str, str | float]]:
    """The ids and labels of a CSV; raises InvalidTable naming the columns that lack, or the rows at fault."""
    table = read_csv(body)
    needed = f"a file of labels has the columns {ID} and {LABEL}"
    absent = [Fault(column, "is missing from the file", needed) for column in (ID, LABEL) if column not in table]
    if absent:
        raise InvalidTable("nothing was attached", absent)
    labels, faults = [], []
    read = label_reader(contract)
    for row, (known, text) in enumerate(zip(table[ID], table[LABEL], strict=True), start=1):
        label = read(text)
        if not known:
            faults.append(Fault(ID, "is empty", "the id that came with the prediction", known, row))
        elif label is None:
            allowed = " or ".join(contract.target.classes) or "a number"
            faults.append(Fault(LABEL, f"cannot be {text!r}", allowed, text, row))
        else:
            labels.append((known, label))
    if faults:
        raise InvalidTable(f"nothing was attached, for {len(faults):,} rows are at fault", faults[:MAX_FAULTS_TOLD])
    return labels


def label_reader(contract: Contract) -> Callable[[str], str | float | None]:
    """What reads a text as a class of the contract, or as the number of a regression; None for what is neither."""
    if contract.target.classes:
        return class_reader(contract.target)

    def read(text: str) -> float | None:
        number = number_in(text)
        return number if number is not None and math.isfinite(number) else None

    return read


def attach(store: Predictions, labels: list[tuple[str, str | float]]) -> Attached:
    """Attach labels to their predictions; doing it again changes nothing. Raises Unavailable."""
    parts = (labels[begin : begin + BATCH_ROWS] for begin in range(0, len(labels), BATCH_ROWS))
    return Attached(len(labels), sum(store.set_labels(part) for part in parts))


def main() -> int:
    """Attach the labels of one file; 1 with the reason in plain words if it cannot be done."""
    parser = argparse.ArgumentParser(description="Attach true outcomes to stored predictions.")
    parser.add_argument("file", type=Path, help=f"a CSV with the columns {ID} and {LABEL}")
    path = parser.parse_args().file
    try:
        settings = load_settings()
        labels = read_labels(path.read_bytes(), load_contract(settings.contract))
        attached = attach(MongoPredictions(settings.mongo_uri, settings.mongo_database), labels)
    except (OSError, TabularError) as error:
        sys.stderr.write(f"The labels of {path} are not attached: {error}\n")
        return 1
    sys.stdout.write(f"{attached}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
