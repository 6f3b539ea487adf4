"""Scoring a file, ours beside XGBoost itself: rows a second with reading and writing counted, and memory.

    python -m benchmarks.scoring [--rows 1000000] [--times 4] [--rounds 3]

The peer reads the same file whole with pyarrow, turns it into a matrix column by column, lets XGBoost predict on all
cores, and writes row, id and score with pyarrow. It checks nothing and keeps no parts. Each run is a process of its
own; the clock starts after its imports, with the model loaded. Ours is what `make score` runs: the file is hashed,
every value is checked, and the work is kept in parts. Both outputs are compared: the scores are bit-identical. The
last rows of the first table are of a file that is `times` as long, for memory. The rows are synthetic.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks.harness import model
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Figures, Row, at_least, at_most, goals, middle, ratio
from benchmarks.harness.results import Table, save
from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table

BLOCK_ROWS = 20_000
KINDS = ("csv", "parquet")
OURS, PEER = "ours", "XGBoost + pyarrow"
Runs = dict[tuple[str, str, int], list[Figures]]


def main() -> None:
    """Score every file by both in turn, compare, leave the result."""
    given = arguments(rows=1_000_000, times=4, rounds=3)
    runs: Runs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.make(folder)
        for rows in (given.rows, given.rows * given.times):
            files = write_files(folder, rows)
            for _ in range(given.rounds if rows == given.rows else 1):
                for kind, file in files.items():
                    for who in (OURS, PEER):
                        runs.setdefault((who, kind, rows), []).append(measure(who, file, folder))
                    compare(folder, kind)
            for file in files.values():
                file.unlink()
    large = given.rows * given.times
    met = [at_least(f"{kind}: rows a second, beside {PEER}", beside(runs, kind, given.rows), 0.5) for kind in KINDS]
    met += [
        at_most(f"{kind}: memory at {large:,} rows, beside {given.rows:,}", growth(runs, kind, given.rows, large), 1.25)
        for kind in KINDS
    ]
    save("scoring", Table("A file scored, 11 features and an id, 150 trees", table(runs)), *goals(*met))


def write_files(folder: Path, rows: int) -> dict[str, Path]:
    """The same synthetic rows as a CSV and as a Parquet file."""
    block = pacsv.read_csv(pa.BufferReader(make_table(load_contract(model.CONTRACT), BLOCK_ROWS, seed=1)))
    whole = pa.concat_tables([block] * -(-rows // BLOCK_ROWS)).slice(0, rows)
    files = {kind: folder / f"rows-{rows}.{kind}" for kind in KINDS}
    pacsv.write_csv(whole, files["csv"])
    pq.write_table(whole, files["parquet"])
    return files


def measure(who: str, file: Path, folder: Path) -> Figures:
    """One run in a process of its own."""
    module = "benchmarks.scoring.ours" if who == OURS else "benchmarks.scoring.peer"
    out = folder / f"{module.rpartition('.')[2]}{file.suffix}"
    command = [sys.executable, "-m", module, str(folder), str(file), str(out)]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def compare(folder: Path, kind: str) -> None:
    """Exit if the two outputs differ in any score."""
    read = pacsv.read_csv if kind == "csv" else pq.read_table
    columns = [read(folder / f"{who}.{kind}").column(KEY).combine_chunks() for who in ("ours", "peer")]
    if not columns[0].equals(columns[1]):
        sys.exit(f"the scores of the {kind} files differ")


KEY = load_contract(model.CONTRACT).reply.prediction_key


def beside(runs: Runs, kind: str, rows: int) -> float | None:
    """Our rows a second as a share of the peer's."""
    return ratio(runs[PEER, kind, rows], runs[OURS, kind, rows], "seconds")


def growth(runs: Runs, kind: str, rows: int, large: int) -> float:
    """Our memory with the large file as a multiple of that with the other."""
    return middle(runs[OURS, kind, large])["MB"] / middle(runs[OURS, kind, rows])["MB"]


def table(runs: Runs) -> list[Row]:
    """A row for each file and who scored it."""
    found: list[Row] = []
    for (who, kind, rows), rounds in runs.items():
        figures = middle(rounds)
        found.append(
            {
                "who": who,
                "file": kind,
                "rows": rows,
                "seconds": figures["seconds"],
                "rows/s": rows / figures["seconds"],
                "CPU s": figures["cpu_seconds"],
                "peak memory, MB": figures["MB"],
                "ratio of rows/s": beside(runs, kind, rows) if who == OURS else 1.0,
            }
        )
    return found


if __name__ == "__main__":
    main()
