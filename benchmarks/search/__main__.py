"""The search, ours beside plain hyperopt: every trial fitted, scored, and kept in MLflow as a model that can be loaded.

    python -m benchmarks.search [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                                [--trials 50] [--rounds 1] [--workers 2] [--only peers|engines]

The peer is `fmin` and one `mlflow.xgboost.log_model` a trial, on the same space, rows, seed and number of trials, with
XGBoost on all cores: once as it is shipped (it infers the requirements anew each time), once with the requirements
given. A MLflow server of its own is started. "Beyond the fit" is the wall time less that of the same search unlogged.

The second table is our search, unlogged, on one and two threads and on Dask clusters of two and four processes on this
machine. The clock starts when the cluster is up and has had one trial a process: its start has a column of its own.
"CPU s" is that of all processes.
"""

from __future__ import annotations

import os

from benchmarks.harness.arguments import NO_FILE, arguments
from benchmarks.harness.figures import goals
from benchmarks.harness.model import CONTRACT
from benchmarks.harness.results import save
from benchmarks.search import engines, peers
from benchmarks.search.peers import SEED, Task
from model_orchestration.data.split import split
from model_orchestration.search.candidate import search_data
from tabular.contract.loading import load_contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean

TABLE_ROWS = 10_000
PARTS = ("peers", "engines")


def main() -> None:
    """Run both comparisons, print the tables, leave the result."""
    given = arguments(
        {"only": PARTS},
        csv=NO_FILE,
        contract=CONTRACT,
        trials=50,
        rounds=1,
        engine_rounds=3,
        workers=len(os.sched_getaffinity(0)),
        only=PARTS,
    )
    contract = load_contract(given.contract)
    body = make_table(contract, TABLE_ROWS, seed=0) if given.csv == NO_FILE else given.csv.read_bytes()
    parts = split(clean(contract, read_table(body).cells), SEED)
    task = Task(contract, parts, search_data(contract, parts), given.trials, given.workers)
    tables, met = [], []
    if "peers" in given.only:
        found = peers.measure(task, given.rounds)
        tables, met = [peers.table(found, task)], peers.met(found)
    if "engines" in given.only:
        runs = engines.measure(task, given.engine_rounds)
        tables, met = [*tables, engines.table(runs, task)], [*met, *engines.met(runs)]
    save("search", *tables, *goals(met))


if __name__ == "__main__":
    main()
