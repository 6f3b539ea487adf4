"""The sweep, ours beside plain hyperopt: every trial fitted, scored, and kept in MLflow as a model that can be loaded.

    python benchmarks/sweep.py [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
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
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import xgboost as xgb
from hyperopt import STATUS_OK, Trials, fmin, space_eval, tpe

import mlflow
from embedded import backends
from embedded.layout import Layout, Ports
from embedded.service import free_port
from model_orchestration.candidate import bundler, search_data
from model_orchestration.data import Split, split
from model_orchestration.engines import Engine
from model_orchestration.record import Recorder
from model_orchestration.search import (
    MAX_ROUNDS,
    PATIENCE_ROUNDS,
    Fit,
    SearchData,
    best,
    objective,
    space,
    sweep,
    threads,
)
from tabular.adapters.registry import MlflowRegistry
from tabular.contract import Contract, load_contract
from tabular.synthetic import make_table
from tabular.table import clean, read_csv

SEED = 42


@dataclass(frozen=True)
class Outcome:
    """Wall seconds with and without logging, and the best validation loss."""

    logged_seconds: float
    unlogged_seconds: float
    loss: float


@dataclass(frozen=True)
class Task:
    contract: Contract
    parts: Split
    data: SearchData
    trials: int
    workers: int
    uri: str


def ours(task: Task) -> Outcome:
    """Our sweep, alone and then with every trial recorded."""
    fit = Fit(task.data, objective(task.contract), SEED)

    def run(on_trial: Any) -> float:
        with threads(task.workers) as engine:
            return best(sweep(fit, task.trials, SEED, engine, on_trial=on_trial)).loss

    registry = MlflowRegistry(task.uri, "benchmark-ours")
    parent = registry.start_run("sweep", {})  # the client is imported before the clock starts, as for the peer
    unlogged, _ = timed(lambda: run(None))

    def logged() -> float:
        with Recorder(registry, bundler(task.contract, task.parts, SEED), parent, {}) as recorder:
            return run(recorder)

    seconds, loss = timed(logged)
    return Outcome(seconds, unlogged, loss)


def peer(task: Task, **log_options: Any) -> Outcome:
    """Plain hyperopt, alone and then with one `log_model` a trial."""
    mlflow.set_tracking_uri(task.uri)
    mlflow.set_experiment("benchmark-peer")
    data = task.data
    train, validation = xgb.DMatrix(data.train, data.train_target), xgb.DMatrix(data.validation, data.validation_target)
    search_space = space()

    def run(*, log: bool) -> float:
        def trial(params: dict[str, Any]) -> dict[str, Any]:
            whole = {name: value.item() if hasattr(value, "item") else value for name, value in params.items()}
            booster = xgb.train(
                {**objective(task.contract), **whole, "seed": SEED},
                train,
                num_boost_round=MAX_ROUNDS,
                evals=[(validation, "validation")],
                early_stopping_rounds=PATIENCE_ROUNDS,
                verbose_eval=False,
            )
            if log:
                with mlflow.start_run(nested=True):
                    mlflow.log_params(whole)
                    mlflow.log_metric("validation_loss", booster.best_score)
                    mlflow.xgboost.log_model(booster, name="model", **log_options)
            return {"loss": booster.best_score, "status": STATUS_OK}

        trials = Trials()
        rng = np.random.default_rng(SEED)
        found = fmin(
            trial,
            search_space,
            algo=tpe.suggest,
            max_evals=task.trials,
            trials=trials,
            rstate=rng,
            show_progressbar=False,
        )
        space_eval(search_space, found)
        return float(min(trials.losses()))

    unlogged, _ = timed(lambda: run(log=False))

    def logged() -> float:
        with mlflow.start_run():
            return run(log=True)

    seconds, loss = timed(logged)
    return Outcome(seconds, unlogged, loss)


ENGINES = (Engine(1), Engine(2), Engine(2, "dask"), Engine(4, "dask"))


@dataclass
class Run:
    """What the sweeps of one engine took, in seconds, and the parameters they found."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    found: list[object] = field(default_factory=list)


def engines(task: Task, rounds: int) -> None:
    """The same sweep on every engine, in turn."""
    fit = Fit(task.data, objective(task.contract), SEED)
    runs = {engine: Run() for engine in ENGINES}
    for _ in range(rounds):
        for engine, run in runs.items():
            once(engine, fit, task.trials, run)
    base = statistics.median(runs[Engine(2)].wall)
    print(f"\n{'engine':<26}{'workers':>9}{'wall s':>9}{'CPU s':>9}{'start s':>9}{'speed, 2 local = 1':>20}  same best")
    for engine, run in runs.items():
        wall, cpu, start = (statistics.median(figures) for figures in (run.wall, run.cpu, run.start))
        same = all(found == runs[Engine(1)].found[0] for found in run.found)
        print(f"{engine.name:<26}{engine.workers:>9}{wall:>9.1f}{cpu:>9.1f}{start:>9.1f}{base / wall:>20.2f}  {same}")


def once(engine: Engine, fit: Fit, trials: int, run: Run) -> None:
    began = time.perf_counter()
    with engine.started(fit) as (executor, remote):
        params = {"learning_rate": 0.2, "max_depth": 2}
        for warm in [executor.submit(remote, at, params) for at in range(2 * engine.workers)]:
            warm.result()
        run.start.append(time.perf_counter() - began)
        before, began = cpu_of_all(), time.perf_counter()
        done = sweep(remote, trials, SEED, executor)
        run.wall.append(time.perf_counter() - began)
        run.cpu.append(cpu_of_all() - before)
        run.found.append(best(done).params)


def cpu_of_all() -> float:
    """CPU seconds so far of this process and of those below it."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def timed(work: Callable[[], float]) -> tuple[float, float]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def middle(outcomes: list[Outcome]) -> Outcome:
    """The median of each figure."""
    columns = {name: statistics.median(getattr(one, name) for one in outcomes) for name in vars(outcomes[0])}
    return replace(outcomes[0], **columns)


def peers(task: Task, rounds: int) -> None:
    """Ours and plain hyperopt, in turn, against a MLflow server."""
    contenders = {
        "ours": ours,
        "peer, as shipped": peer,
        "peer, requirements given": lambda task: peer(task, pip_requirements=["xgboost"]),
    }
    found: dict[str, list[Outcome]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as state:
        layout = Layout(Path(state), Ports(mlflow=free_port()))
        server = backends.mlflow(layout)
        with server.running(layout.logs / "mlflow.log"):
            task = replace(task, uri=f"http://127.0.0.1:{layout.ports.mlflow}")
            for _ in range(rounds):  # interleaved, so that a busy minute hits all alike
                for name, run in contenders.items():
                    found[name].append(run(task))
    base = middle(found["ours"]).logged_seconds
    print(f"{'':<26}{'wall s':>9}{'unlogged s':>12}{'beyond fit, ms/trial':>22}{'best loss':>11}{'time, ours = 1':>16}")
    for name, outcomes in found.items():
        one = middle(outcomes)
        beyond = 1_000 * (one.logged_seconds - one.unlogged_seconds) / task.trials
        ratio = one.logged_seconds / base
        print(
            f"{name:<26}{one.logged_seconds:>9.1f}{one.unlogged_seconds:>12.1f}{beyond:>22.0f}{one.loss:>11.4f}{ratio:>16.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--contract", type=Path, default=Path("contracts/credit_card_churn.toml"))
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=["peers", "engines"])
    given = parser.parse_args()
    contract = load_contract(given.contract)
    body = given.csv.read_bytes() if given.csv else make_table(contract, 10_000, seed=0)
    parts = split(clean(contract, read_csv(body)), SEED)
    told = f"{contract.table.name}, {'real' if given.csv else 'made-up'} rows, {given.trials} trials"
    print(told)
    task = Task(contract, parts, search_data(contract, parts), given.trials, given.workers, "")
    if given.only != "engines":
        peers(task, given.rounds)
    if given.only != "peers":
        engines(task, given.rounds)


if __name__ == "__main__":
    main()
