"""CPU time and memory against rows: a table published, read by a step, trained on; beside Arrow's reading of the file.

    python -m benchmarks.growth [--rows 10000 100000 1000000] [--rounds 1] [--only arrow publish load train]
                               [--trial-rounds 0]

What reads or trains needs what was published in the same run. `--rows 10000000` takes about 4 GB of disk and several GB
of memory. The rows are synthetic, of the 19 features of the credit card table, each with an id of its own. Every figure
is of a process of its own: the clock starts after its imports, "peak memory" is the most that it ever had resident, the
libraries (about 240 MB) counted. The goals are of CPU seconds, of all threads, which depend least on what else runs on
the machine. "Publish" is what `make init_aws` does with a table: read, clean, check, and put into
the bucket of an emulator that is started for it. "Read by a step" is how a step of a training takes the version.
"Train" reads it, splits it, and runs the trials of a sweep on all cores; nothing is written to MLflow. `--trial-rounds`
limits their rounds: the time depends on these, the memory does not. Arrow parses the same CSV into columns, and checks
nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.growth.measure import ARROW, CONTRACT, LOAD, PUBLISH, TRAIN, TRIALS
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Figures, Row, at_most, goals, middle, ratio
from benchmarks.harness.results import Table, save
from benchmarks.harness.stack import free_layout
from embedded.layout import PROJECT
from embedded.services import backends
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table
from tabular.settings import Settings

BLOCK_ROWS, BLOCKS = 20_000, 10
NAMES = {ARROW: "Arrow reads the CSV", PUBLISH: "publish", LOAD: "read by a step", TRAIN: f"train, {TRIALS} trials"}
EMULATOR_BYTES = 20_000_000_000
MILLION, TEN_MILLIONS = 1_000_000, 10_000_000
Runs = dict[tuple[str, int], list[Figures]]


def main() -> None:
    """Measure each number of rows, leave the result."""
    given = arguments(
        {"only": tuple(NAMES)}, rows=(10_000, 100_000, MILLION), rounds=1, only=tuple(NAMES), trial_rounds=0
    )
    runs: Runs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layout = free_layout(folder / "state")
        emulator = backends.emulator(layout, Settings(emulator_max_bytes=EMULATOR_BYTES))
        with emulator.running(folder / "emulator.log"):
            for rows in given.rows:
                file = write_file(folder / f"rows-{rows}.csv", rows)
                for _ in range(given.rounds):
                    for what in given.only:
                        figures = measure(what, file, emulator.port, given.trial_rounds)
                        runs.setdefault((what, rows), []).append(figures)
                file.unlink()
    met = goals(
        at_most("1,000,000 rows published, CPU seconds", found(runs, PUBLISH, MILLION, "cpu_seconds"), 8),
        at_most("1,000,000 rows read by a step, CPU seconds", found(runs, LOAD, MILLION, "cpu_seconds"), 1),
        at_most("1,000,000 rows published, peak MB", found(runs, PUBLISH, MILLION, "MB"), 1_000),
        at_most("1,000,000 rows read by a step, peak MB", found(runs, LOAD, MILLION, "MB"), 1_000),
        at_most("10,000,000 rows trained on, peak MB", found(runs, TRAIN, TEN_MILLIONS, "MB"), 10_000),
    )
    save("growth", Table("A table of 19 features and an id, by rows", table(runs)), *met)


def write_file(file: Path, rows: int) -> Path:
    """A CSV of synthetic rows with an id each; beyond 200,000 rows all but the ids come again."""
    contract = load_contract(CONTRACT)
    as_text = pacsv.ConvertOptions(strings_can_be_null=False)
    several = [
        pacsv.read_csv(pa.BufferReader(make_table(contract, min(rows, BLOCK_ROWS), seed)), convert_options=as_text)
        for seed in range(min(BLOCKS, -(-rows // BLOCK_ROWS)))
    ]
    id_column = contract.table.id_column or ""
    at = several[0].column_names.index(id_column)
    with pacsv.CSVWriter(file, several[0].schema.set(at, pa.field(id_column, pa.int64()))) as writer:
        for first in range(0, rows, BLOCK_ROWS):
            block = several[first // BLOCK_ROWS % len(several)].slice(0, rows - first)
            ids = pa.array(range(first, first + len(block)), pa.int64())
            writer.write_table(block.set_column(at, pa.field(id_column, pa.int64()), ids))
    return file


def measure(what: str, file: Path, port: int, trial_rounds: int) -> Figures:
    """One figure, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth.measure", what, str(file), str(port), str(trial_rounds)]
    environ = {**os.environ, **backends.AWS_ENVIRON}
    done = subprocess.run(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def found(runs: Runs, what: str, rows: int, figure: str) -> float | None:
    """The median; None where it was not measured."""
    return middle(runs[what, rows])[figure] if (what, rows) in runs else None


def table(runs: Runs) -> list[Row]:
    """A row for each number of rows and what was done with them."""
    made: list[Row] = []
    for (what, rows), rounds in runs.items():
        figures = middle(rounds)
        made.append(
            {
                "rows": rows,
                "what": NAMES[what],
                "CPU s": figures["cpu_seconds"],
                "CPU beside Arrow's": ratio(rounds, runs.get((ARROW, rows), []), "cpu_seconds"),
                "seconds": figures["seconds"],
                "peak memory, MB": figures["MB"],
            }
        )
    return made


if __name__ == "__main__":
    main()
