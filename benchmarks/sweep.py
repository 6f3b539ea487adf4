"""The sweep, ours beside plain hyperopt: every trial fitted, scored, and kept in MLflow as a model that can be loaded.

    python benchmarks/sweep.py [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                               [--trials 50] [--rounds 1] [--workers 2]

The peer is `fmin` and one `mlflow.xgboost.log_model` a trial, on the same space, rows, seed and number of trials, with
XGBoost on all cores: once as it is shipped (it infers the requirements anew each time), once with the requirements
given. A MLflow server of its own is started. "Beyond the fit" is the wall time less that of the same sweep unlogged.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from hyperopt import STATUS_OK, Trials, fmin, space_eval, tpe

import mlflow
from benchmarks.results import Table, Value, save
from embedded import backends
from embedded.layout import Layout, Ports
from embedded.service import free_port
from model_orchestration.candidate import bundler, search_data
from model_orchestration.data import Split, split
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


def timed(work: Callable[[], float]) -> tuple[float, float]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def middle(outcomes: list[Outcome]) -> Outcome:
    """The median of each figure."""
    columns = {name: statistics.median(getattr(one, name) for one in outcomes) for name in vars(outcomes[0])}
    return replace(outcomes[0], **columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--contract", type=Path, default=Path("contracts/credit_card_churn.toml"))
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    contract = load_contract(given.contract)
    body = given.csv.read_bytes() if given.csv else make_table(contract, 10_000, seed=0)
    parts = split(clean(contract, read_csv(body)), SEED)
    contenders = {
        "ours": ours,
        "peer, as shipped": peer,
        "peer, requirements given": lambda task: peer(task, pip_requirements=["xgboost"]),
    }
    with tempfile.TemporaryDirectory() as state:
        layout = Layout(Path(state), Ports(mlflow=free_port()))
        server = backends.mlflow(layout)
        with server.running(layout.logs / "mlflow.log"):
            uri = f"http://127.0.0.1:{layout.ports.mlflow}"
            task = Task(contract, parts, search_data(contract, parts), given.trials, given.workers, uri)
            found: dict[str, list[Outcome]] = {name: [] for name in contenders}
            for _ in range(given.rounds):  # interleaved, so that a busy minute hits all alike
                for name, run in contenders.items():
                    found[name].append(run(task))
    base = middle(found["ours"]).logged_seconds
    print(f"{contract.table.name}, {'real' if given.csv else 'made-up'} rows, {given.trials} trials")
    print(f"{'':<26}{'wall s':>9}{'unlogged s':>12}{'beyond fit, ms/trial':>22}{'best loss':>11}{'time, ours = 1':>16}")
    rows: list[dict[str, Value]] = []
    for name, outcomes in found.items():
        one = middle(outcomes)
        beyond = 1_000 * (one.logged_seconds - one.unlogged_seconds) / given.trials
        ratio = one.logged_seconds / base
        print(
            f"{name:<26}{one.logged_seconds:>9.1f}{one.unlogged_seconds:>12.1f}{beyond:>22.0f}{one.loss:>11.4f}{ratio:>16.1f}"
        )
        figures = {
            "wall s": one.logged_seconds,
            "beyond fit, ms/trial": beyond,
            "best loss": one.loss,
            "time, ours = 1": ratio,
        }
        rows.append({"sweep": name, **figures})
    save("sweep", Table(f"{given.trials} trials, each kept in MLflow", rows, bars=("sweep", "wall s")))


if __name__ == "__main__":
    main()
