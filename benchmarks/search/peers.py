"""Ours and plain hyperopt, in turn, against a MLflow server."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from hyperopt import STATUS_OK, Trials, fmin, tpe

import mlflow
from benchmarks.harness.figures import Figures, Row, at_least, at_most, middle, ratio
from benchmarks.harness.results import Table
from benchmarks.harness.stack import free_layout
from embedded.services import backends
from model_orchestration.data.split import Split
from model_orchestration.search.candidate import bundler
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.space import space
from model_orchestration.search.sweep import sweep, threads
from model_orchestration.search.trial import FAMILY, SearchData, objective
from model_orchestration.search.trial_runs import Recorder
from tabular.contract.training import Training
from tabular.contract.types import Contract
from tabular.settings import Settings
from tabular.wiring import Wiring

SEED = 42
LIMITS = Training()
"""The limits of rounds and the ranges that ours searches by itself."""
WARM = {"learning_rate": 0.2, "max_depth": 2}
"""A trial before the clock starts."""
OURS, SHIPPED, GIVEN = "ours", "plain hyperopt, as shipped", "plain hyperopt, requirements given"
Rounds = dict[str, list[Figures]]


@dataclass(frozen=True)
class Task:
    """What all searches have in common: the rows, and how many trials on how many workers."""

    contract: Contract
    parts: Split
    data: SearchData
    trials: int
    workers: int


def measure(task: Task, rounds: int) -> Rounds:
    """Wall seconds with and without logging and the best validation loss, by contender, round by round."""
    contenders: dict[str, Callable[[Task, str], Figures]] = {
        OURS: ours,
        SHIPPED: plain,
        GIVEN: lambda task, uri: plain(task, uri, pip_requirements=["xgboost"]),
    }
    found: Rounds = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory(prefix="bench-search-", ignore_cleanup_errors=True) as state:
        layout = free_layout(Path(state))
        with backends.mlflow(layout).running(layout.logs / "mlflow.log"):
            for _ in range(rounds):  # interleaved, so that a busy minute hits all alike
                for name, run in contenders.items():
                    found[name].append(run(task, f"http://127.0.0.1:{layout.ports.mlflow}"))
    return found


def ours(task: Task, uri: str) -> Figures:
    """Our search, alone and then with every trial recorded."""
    fit = Fit(task.data, objective(task.contract), SEED)
    fit(0, WARM)
    registry = Wiring(Settings(mlflow_tracking_uri=uri, model_name="benchmark-ours")).registry()
    parent = registry.start_run("search", {})  # the client is imported before the clock starts, as for the peer

    def run(on_trial: Any) -> float:
        with threads(task.workers) as engine:
            return min(trial.loss for trial in sweep(fit, task.trials, SEED, engine, on_trial=on_trial))

    def logged() -> float:
        with Recorder(registry, bundler(task.contract, task.parts, SEED), parent, {}) as recorder:
            return run(recorder)

    return _clocked(lambda: run(None), logged)


def plain(task: Task, uri: str, **log_options: Any) -> Figures:
    """Plain hyperopt, alone and then with one `log_model` a trial."""
    mlflow.set_tracking_uri(uri)
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

    def logged() -> float:
        with mlflow.start_run():
            return run(log=True)

    return _clocked(lambda: run(log=False), logged)


def _clocked(unlogged: Callable[[], float], logged: Callable[[], float]) -> Figures:
    """Seconds of both, one after the other, and the loss that the second found."""
    began = time.perf_counter()
    unlogged()
    between = time.perf_counter()
    loss = logged()
    return {"logged": time.perf_counter() - between, "unlogged": between - began, "loss": loss}


def _plain_fit(task: Task) -> Callable[[dict[str, Any]], xgb.Booster]:
    data, fixed = task.data, {**objective(task.contract), "seed": SEED}
    train, validation = xgb.DMatrix(data.train, data.train_target), xgb.DMatrix(data.validation, data.validation_target)
    limits = {"num_boost_round": LIMITS.max_rounds, "early_stopping_rounds": LIMITS.patience_rounds}

    def fit(params: dict[str, Any]) -> xgb.Booster:
        evals = [(validation, "validation")]
        known = {name: value for name, value in params.items() if name != FAMILY}
        return xgb.train({**known, **fixed}, train, evals=evals, verbose_eval=False, **limits)

    return fit


def _minimum(trial: Callable[[dict[str, Any]], dict[str, Any]], trials: int) -> float:
    kept, draw = Trials(), np.random.default_rng(SEED)
    fmin(trial, space(LIMITS), algo=tpe.suggest, max_evals=trials, trials=kept, rstate=draw, show_progressbar=False)
    return float(min(kept.losses()))


def table(found: Rounds, task: Task) -> Table:
    """Seconds, what logging takes of them, and the best loss."""
    rows: list[Row] = []
    for name, rounds in found.items():
        one = middle(rounds)
        rows.append(
            {
                "search": name,
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
    return Table("Beside plain hyperopt", rows, notes, bars=("search", "wall s"))


def met(found: Rounds) -> list[Row]:
    """The goals beside what was found."""
    return [
        *at_least("speed over plain hyperopt as shipped", ratio(found[SHIPPED], found[OURS], "logged"), 3),
        *at_most("best loss over plain hyperopt's", ratio(found[OURS], found[SHIPPED], "loss"), 1.01),
    ]
