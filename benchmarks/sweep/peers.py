"""Ours and plain hyperopt, in turn, against a MLflow server."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from hyperopt import STATUS_OK, Trials, fmin, space_eval, tpe

import mlflow
from benchmarks.figures import Figures, Row, at_least, at_most, middle, ratio
from benchmarks.results import Table
from benchmarks.sweep.task import SEED, WARM, Task, timed
from embedded.layout import Layout, Ports
from embedded.services import backends
from embedded.services.service import free_port
from model_orchestration.search.candidate import bundler
from model_orchestration.search.sweep import MAX_ROUNDS, PATIENCE_ROUNDS, Fit, objective, space, sweep, threads
from model_orchestration.search.trial_runs import Recorder
from tabular.adapters.mlflow.registry import MlflowRegistry

OURS, SHIPPED, GIVEN = "ours", "plain hyperopt, as shipped", "plain hyperopt, requirements given"
Rounds = dict[str, list[Figures]]


def measure(task: Task, rounds: int) -> Rounds:
    """Wall seconds with and without logging and the best validation loss, by contender, round by round."""
    contenders: dict[str, Callable[[Task], Figures]] = {
        OURS: ours,
        SHIPPED: plain,
        GIVEN: lambda task: plain(task, pip_requirements=["xgboost"]),
    }
    found: Rounds = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory(prefix="bench-sweep-", ignore_cleanup_errors=True) as state:
        layout = Layout(Path(state), Ports(mlflow=free_port()))
        with backends.mlflow(layout).running(layout.logs / "mlflow.log"):
            task = replace(task, uri=f"http://127.0.0.1:{layout.ports.mlflow}")
            for _ in range(rounds):  # interleaved, so that a busy minute hits all alike
                for name, run in contenders.items():
                    found[name].append(run(task))
    return found


def ours(task: Task) -> Figures:
    """Our sweep, alone and then with every trial recorded."""
    fit = Fit(task.data, objective(task.contract), SEED)
    fit(0, WARM)

    def run(on_trial: Any) -> float:
        with threads(task.workers) as engine:
            return min(trial.loss for trial in sweep(fit, task.trials, SEED, engine, on_trial=on_trial))

    registry = MlflowRegistry(task.uri, "benchmark-ours")
    parent = registry.start_run("sweep", {})  # the client is imported before the clock starts, as for the peer
    unlogged, _ = timed(lambda: run(None))

    def logged() -> float:
        with Recorder(registry, bundler(task.contract, task.parts, SEED), parent, {}) as recorder:
            return run(recorder)

    seconds, loss = timed(logged)
    return {"logged": seconds, "unlogged": unlogged, "loss": loss}


def plain(task: Task, **log_options: Any) -> Figures:
    """Plain hyperopt, alone and then with one `log_model` a trial."""
    mlflow.set_tracking_uri(task.uri)
    mlflow.set_experiment("benchmark-peer")
    fit = _plain_fit(task)
    fit(WARM)

    def run(*, log: bool) -> float:
        def trial(params: dict[str, Any]) -> dict[str, Any]:
            whole = {name: value.item() if hasattr(value, "item") else value for name, value in params.items()}
            booster = fit(whole)
            if log:
                with mlflow.start_run(nested=True):
                    mlflow.log_params(whole)
                    mlflow.log_metric("validation_loss", booster.best_score)
                    mlflow.xgboost.log_model(booster, name="model", **log_options)
            return {"loss": booster.best_score, "status": STATUS_OK}

        return _minimum(trial, task.trials)

    unlogged, _ = timed(lambda: run(log=False))

    def logged() -> float:
        with mlflow.start_run():
            return run(log=True)

    seconds, loss = timed(logged)
    return {"logged": seconds, "unlogged": unlogged, "loss": loss}


def _plain_fit(task: Task) -> Callable[[dict[str, Any]], xgb.Booster]:
    data, fixed = task.data, {**objective(task.contract), "seed": SEED}
    train, validation = xgb.DMatrix(data.train, data.train_target), xgb.DMatrix(data.validation, data.validation_target)

    def fit(params: dict[str, Any]) -> xgb.Booster:
        return xgb.train(
            {**params, **fixed},
            train,
            num_boost_round=MAX_ROUNDS,
            evals=[(validation, "validation")],
            early_stopping_rounds=PATIENCE_ROUNDS,
            verbose_eval=False,
        )

    return fit


def _minimum(trial: Callable[[dict[str, Any]], dict[str, Any]], trials: int) -> float:
    kept, search_space = Trials(), space()
    found = fmin(
        trial,
        search_space,
        algo=tpe.suggest,
        max_evals=trials,
        trials=kept,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    space_eval(search_space, found)
    return float(min(kept.losses()))


def table(found: Rounds, task: Task) -> Table:
    """Seconds, what logging takes of them, and the best loss."""
    rows: list[Row] = []
    for name, rounds in found.items():
        one = middle(rounds)
        rows.append(
            {
                "sweep": name,
                "wall s": one["logged"],
                "it / ours": ratio(rounds, found[OURS], "logged"),
                "unlogged s": one["unlogged"],
                "beyond the fit, ms/trial": 1_000 * (one["logged"] - one["unlogged"]) / task.trials,
                "best loss": f"{one['loss']:.4f}",
            }
        )
    notes = (
        f"{task.trials} trials of {task.contract.table.name}, {len(task.data.train):,} rows to train on, ours on "
        f"{task.workers} threads, every trial kept in MLflow; medians of {len(found[OURS])} rounds."
    )
    return Table("Beside plain hyperopt", rows, notes, bars=("sweep", "wall s"))


def met(found: Rounds) -> list[Row]:
    """The goals beside what was found."""
    return [
        *at_least("speed over plain hyperopt as shipped", ratio(found[SHIPPED], found[OURS], "logged"), 3),
        *at_most("best loss over plain hyperopt's", ratio(found[OURS], found[SHIPPED], "loss"), 1.01),
    ]
