"""Score a file: `python -m server.files rows.csv scores.csv`, CSV or Parquet each; `make score` calls it.

0: done, faulty rows or not; 1: the file or the settings are rejected; 3: another service is down. What was done by then
is kept: the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from server.files.scoring import FileScorer
from server.files.summary import lines
from server.scoring.predictor import served_model
from tabular.errors import TabularError, Unavailable
from tabular.process.private_files import keep_private
from tabular.wiring import wire

REJECTED, UNAVAILABLE, INTERRUPTED = 1, 3, 130
GO_ON = "What is done is kept: the same command goes on from there"
TELL_SECONDS = 5.0


def main() -> int:
    """Score one file and print what became of it."""
    arguments = _parser().parse_args()
    keep_private()
    try:
        wiring = wire().for_table(arguments.table)
        model = served_model(wiring, arguments.run_id)
        store = wiring.predictions() if arguments.store else None
        summary = FileScorer(model, store, _Progress()).score(arguments.file, arguments.out)
    except Unavailable as error:
        sys.stderr.write(f"{error}. {GO_ON}\n")
        return UNAVAILABLE
    except (TabularError, OSError) as error:
        sys.stderr.write(f"{arguments.file} is not scored: {error}\n")
        return REJECTED
    except KeyboardInterrupt:
        sys.stderr.write(f"\nInterrupted. {GO_ON}\n")
        return INTERRUPTED
    for word, text in lines(summary):
        sys.stdout.write(f"{word:<8} {text}\n")
    return 0


class _Progress:
    """Says every few seconds how far it is."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self._said_at > TELL_SECONDS:
            self._said_at = time.monotonic()
            sys.stderr.write(f"{rows:,} rows so far\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server.files", description="Score the rows of a file.")
    parser.add_argument("file", type=Path, help="the rows: a CSV or a Parquet file with the columns of the table")
    parser.add_argument("out", type=Path, help="the scores: a name that ends with .csv or .parquet")
    parser.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    parser.add_argument("--run-id", default="", help="the model's run; the champion if not given")
    parser.add_argument("--store", action="store_true", help="store every scored row as a prediction, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
