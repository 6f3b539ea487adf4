"""The sweep, ours beside plain hyperopt: every trial fitted, scored, and kept in MLflow as a model that can be loaded.

    python -m benchmarks.sweep [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                               [--trials 50] [--rounds 1] [--workers 2] [--only peers|engines]

The peer is `fmin` and one `mlflow.xgboost.log_model` a trial, on the same space, rows, seed and number of trials, with
XGBoost on all cores: once as it is shipped (it infers the requirements anew each time), once with the requirements
given. A MLflow server of its own is started. "Beyond the fit" is the wall time less that of the same sweep unlogged.

The second table is our sweep, unlogged, on one and two threads and on Dask clusters of two and four processes on this
machine. The clock starts when the cluster is up and has had one trial a process: starting it is told apart. "CPU s" is
that of all processes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.figures import goals
from benchmarks.model import CONTRACT
from benchmarks.results import save
from benchmarks.sweep import engines, peers
from benchmarks.sweep.task import SEED, Task
from model_orchestration.data.split import split
from model_orchestration.search.candidate import search_data
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table
from tabular.data.table import clean, read_csv

TABLE_ROWS = 10_000


def main() -> None:
    """Run both comparisons, print the tables, leave the result."""
    given = parse()
    contract = load_contract(given.contract)
    body = given.csv.read_bytes() if given.csv else make_table(contract, TABLE_ROWS, seed=0)
    parts = split(clean(contract, read_csv(body)), SEED)
    task = Task(contract, parts, search_data(contract, parts), given.trials, given.workers, "")
    tables, met = [], []
    if given.only != "engines":
        found = peers.measure(task, given.rounds)
        tables, met = [peers.table(found, task)], peers.met(found)
    if given.only != "peers":
        runs = engines.measure(task, given.engine_rounds)
        tables, met = [*tables, engines.table(runs, task)], [*met, *engines.met(runs)]
    save("sweep", *tables, *goals(met))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--contract", type=Path, default=CONTRACT)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--engine-rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=["peers", "engines"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
