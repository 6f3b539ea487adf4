"""Ground-truth labels of a file, attached to stored predictions: `python -m reporting.labels outcomes.csv`.

A CSV or Parquet file with the columns `prediction_id` (as the API or the results stream returned it) or the contract's
business key, `outcome` (a class of the contract, or the number of a regression; empty where it is not known yet) and,
if known, `observed_at`. The next report then measures the quality; without labels none does.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tabular.errors import TabularError
from tabular.labels.file import read_label_file
from tabular.labels.intake import LabelIntake
from tabular.labels.reading import Labels
from tabular.ports.labels import LabelCounts
from tabular.wiring import Wiring, wire


def attach(wiring: Wiring, labels: Labels) -> LabelCounts:
    """Attach labels to their predictions of a table, and enter it into the ledger; raises Unavailable."""
    with closing(wiring.labels()) as store, closing(wiring.ledger()) as ledger:
        intake = LabelIntake(store, ledger)
        counts = intake.save(labels.known)
        intake.enter(at_once=True)
        return counts


def summary(labels: Labels, counts: LabelCounts) -> str:
    """What became of a file's labels, in a sentence."""
    done = counts.attached + counts.corrected + counts.repeated
    parts = [f"{done:,} of {len(labels.known):,} labels are attached to their predictions"]
    parts += [f"{counts.repeated:,} of them were before"] * bool(counts.repeated)
    parts += [f"{counts.corrected:,} of them replace an earlier label"] * bool(counts.corrected)
    lost = f"{counts.waiting:,} name no stored prediction of the table: they wait for it, 7 days at most"
    parts += [lost] * bool(counts.waiting)
    parts += [f"{counts.orphans:,} name none and were put aside, for too many wait"] * bool(counts.orphans)
    parts += [f"rows left out because they have no label yet: {labels.blank:,}"] * bool(labels.blank)
    return "; ".join(parts) + "."


def main() -> int:
    """Attach the labels of one file; 1 with the reason in plain words if it cannot be done."""
    parser = argparse.ArgumentParser(description="Attach true outcomes to stored predictions.")
    parser.add_argument("file", type=Path, help="CSV or Parquet: prediction_id or the business key, and outcome")
    parser.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    arguments = parser.parse_args()
    path = arguments.file
    try:
        wiring = wire().for_table(arguments.table)
        labels = read_label_file(path.read_bytes(), wiring.contract, datetime.now(UTC))
        said = summary(labels, attach(wiring, labels))
    except (OSError, TabularError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        sys.stderr.write(f"The labels of {path} are not attached: {why}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
