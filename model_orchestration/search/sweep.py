"""The sweep: hyperopt's TPE proposes, XGBoost fits, and the result does not depend on how many workers there are.

Trial i is proposed from the results of the trials before i - LAG + 1, never from whichever happened to be done:
a window of fixed size slides over the trials, so that up to LAG workers are kept busy without a barrier, and one worker
or eight propose the same points. The trials still in the window count as pending (hyperopt gives them the worst rank),
which keeps neighbours from proposing the same point twice.

The engine is any `concurrent.futures.Executor`: threads here, or a Dask cluster (dask_engine.py, dask_rows.py).
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from hyperopt import JOB_STATE_DONE, STATUS_OK, Domain, Trials, hp, space_eval, tpe
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.encoding.row import Matrix
from tabular.model.scorer import Scores
from tabular.model.xgboost import XGBoostScorer

LAG = 8
"""How many trials may be under way at once, whatever the number of workers: part of the result, like the seed."""

MAX_ROUNDS = 500
PATIENCE_ROUNDS = 25
MAX_BINS = 512

Params = dict[str, int | float]


@dataclass(frozen=True)
class SearchData:
    """What a trial sees: train to fit on, validation to score on. n x k matrices in contract order, float64 targets."""

    train: Matrix
    train_target: NDArray[np.floating[Any]]
    validation: Matrix
    validation_target: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Trial:
    """One finished trial: `loss` is the validation loss at the best round, `model` the UBJ booster cut there."""

    number: int
    params: Params
    loss: float
    rounds: int
    model: bytes
    validation_scores: Scores
    fit_seconds: float

    @property
    def scorer(self) -> XGBoostScorer:
        """The model, read from its bytes."""
        return XGBoostScorer.from_bytes(self.model)


OnTrial = Callable[[Trial], None]


def objective(contract: Contract) -> dict[str, Any]:
    """XGBoost's objective and metric for the contract's task."""
    match contract.table.task:
        case "binary":
            return {"objective": "binary:logistic", "eval_metric": "logloss"}
        case "multiclass":
            classes = len(contract.target.classes)
            return {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": classes}
        case "regression":
            return {"objective": "reg:squarederror", "eval_metric": "rmse"}


def space() -> Mapping[str, Any]:
    """The search space; the number of rounds is not in it: each trial stops when validation stops improving."""
    return {
        "learning_rate": _log_uniform("learning_rate", 0.03, 0.2),
        "max_depth": hp.uniformint("max_depth", 2, 8),
        "min_child_weight": _log_uniform("min_child_weight", 0.5, 30.0),
        "subsample": hp.uniform("subsample", 0.5, 1.0),
        "colsample_bytree": hp.uniform("colsample_bytree", 0.4, 1.0),
        "reg_lambda": _log_uniform("reg_lambda", 0.01, 30.0),
        "reg_alpha": _log_uniform("reg_alpha", 0.001, 10.0),
        "gamma": _log_uniform("gamma", 0.001, 5.0),
    }


class Proposer:
    """Ask and tell over hyperopt: `ask` gives the next point, `tell` its loss, in the order they were asked."""

    def __init__(self, seed: int) -> None:
        self._space = space()
        self._trials = Trials()
        self._domain = Domain(lambda _: 0.0, self._space)
        self._seeds = np.random.default_rng(seed)

    def ask(self) -> tuple[int, Params]:
        """The number and the parameters of the next trial."""
        numbers = self._trials.new_trial_ids(1)
        seed = int(self._seeds.integers(2**31 - 1))
        docs = tpe.suggest(numbers, self._domain, self._trials, seed, verbose=False)
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()
        drawn = {name: values[0] for name, values in docs[0]["misc"]["vals"].items() if values}
        # hyperopt holds draws, not parameters: only space_eval turns one into the other.
        chosen = space_eval(self._space, drawn)
        return numbers[0], {name: value.item() if hasattr(value, "item") else value for name, value in chosen.items()}

    def tell(self, number: int, loss: float) -> None:
        """Record the loss of a proposed trial."""
        for trial in self._trials.trials:
            if trial["tid"] == number:
                trial["state"], trial["result"] = JOB_STATE_DONE, {"status": STATUS_OK, "loss": loss}
        self._trials.refresh()


class Fit:
    """Fits one proposal on train and scores it on validation; picklable, so that a process or a cluster can run it."""

    def __init__(self, data: SearchData, objective: Mapping[str, Any], seed: int) -> None:
        self.data = data
        self._fixed = {**objective, "tree_method": "hist", "max_bin": MAX_BINS, "nthread": 1, "seed": seed}
        self._seed = seed
        self._objective = objective
        self._kept = threading.local()

    def __reduce__(self) -> tuple[type[Fit], tuple[Any, ...]]:
        return Fit, (self.data, self._objective, self._seed)

    def __call__(self, number: int, params: Params) -> Trial:
        """Train until validation stops improving; the booster is cut at its best round."""
        started = time.perf_counter()
        train, validation = self._matrices()
        history: dict[str, dict[str, list[float]]] = {}
        booster = xgb.train(
            self.settings(params),
            train,
            num_boost_round=MAX_ROUNDS,
            evals=[(validation, "validation")],
            early_stopping_rounds=PATIENCE_ROUNDS,
            evals_result=history,
            verbose_eval=False,
        )
        return self.finished(number, params, booster, started)

    def settings(self, params: Params) -> dict[str, Any]:
        """The parameters of XGBoost: the proposal, and what is the same for every trial."""
        return {**self._fixed, **params}

    def finished(self, number: int, params: Params, booster: xgb.Booster, started: float) -> Trial:
        """The trial of a booster that stopped early: cut at its best round and scored on validation."""
        best = XGBoostScorer(booster[: booster.best_iteration + 1])
        return Trial(
            number=number,
            params=params,
            loss=float(booster.best_score),
            rounds=booster.best_iteration + 1,
            model=best.to_bytes(),
            validation_scores=best.many(self.data.validation),
            fit_seconds=time.perf_counter() - started,
        )

    def _matrices(self) -> tuple[xgb.DMatrix, xgb.DMatrix]:
        # One pair a thread: binned once for all its trials, and no two threads share XGBoost's caches.
        if not hasattr(self._kept, "pair"):
            data = self.data
            train = xgb.QuantileDMatrix(data.train, data.train_target, max_bin=MAX_BINS, nthread=1)
            validation = xgb.QuantileDMatrix(
                data.validation, data.validation_target, ref=train, max_bin=MAX_BINS, nthread=1
            )
            self._kept.pair = (train, validation)
        pair: tuple[xgb.DMatrix, xgb.DMatrix] = self._kept.pair
        return pair


def sweep(
    fit: Callable[[int, Params], Trial],
    trials: int,
    seed: int,
    engine: Executor,
    time_budget_seconds: float = 0.0,
    on_trial: OnTrial | None = None,
) -> list[Trial]:
    """Run the trials and return them in order; `on_trial` is called in that order too, as soon as each is known.

    A time budget above 0 stops proposing after that long (at least one trial runs); the rest is unaffected.
    """
    finished = []
    for trial in _stream(fit, trials, Proposer(seed), engine, time_budget_seconds or math.inf):
        finished.append(trial)
        if on_trial is not None:
            on_trial(trial)
    return finished


def threads(workers: int) -> ThreadPoolExecutor:
    """The local engine: XGBoost trains outside the GIL, so threads do, and they share the data."""
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="trial")


def _stream(
    fit: Callable[[int, Params], Trial], trials: int, proposer: Proposer, engine: Executor, budget_seconds: float
) -> Iterator[Trial]:
    deadline = time.monotonic() + budget_seconds
    under_way: deque[Future[Trial]] = deque()
    proposed = 0
    while proposed < trials or under_way:
        if proposed < trials and len(under_way) < LAG and (proposed == 0 or time.monotonic() < deadline):
            under_way.append(engine.submit(fit, *proposer.ask()))
            proposed += 1
            continue
        if not under_way:
            return
        trial = under_way.popleft().result()
        proposer.tell(trial.number, trial.loss)
        yield trial


def _log_uniform(name: str, low: float, high: float) -> Any:
    return hp.loguniform(name, math.log(low), math.log(high))
