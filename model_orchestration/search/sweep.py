"""The sweep: hyperopt's TPE proposes, a family fits, and the result does not depend on how many workers there are.

Trial i is proposed from the results of the trials before i - LAG + 1, never from whichever happened to be done:
a window of fixed size slides over the trials, so that up to LAG workers are kept busy without a barrier, and one worker
or eight propose the same points. The trials still in the window count as pending (hyperopt gives them the worst rank),
which keeps neighbours from proposing the same point twice.

The engine is any `concurrent.futures.Executor`: threads here, or a Dask cluster (dask_engine.py, dask_rows.py).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from hyperopt import JOB_STATE_DONE, STATUS_OK, Domain, Trials, space_eval, tpe

from model_orchestration.search.space import space
from model_orchestration.search.trial import Params, Trial
from tabular.contract.training import Training

LAG = 8
"""How many trials may be under way at once, whatever the number of workers: part of the result, like the seed."""

OnTrial = Callable[[Trial], None]


class Proposer:
    """Ask and tell over hyperopt: `ask` gives the next point, `tell` its loss, in the order they were asked."""

    def __init__(self, seed: int, search_space: Any) -> None:
        self._space = search_space
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


def sweep(
    fit: Callable[[int, Params], Trial],
    trials: int,
    seed: int,
    engine: Executor,
    time_budget_seconds: float = 0.0,
    on_trial: OnTrial | None = None,
    search_space: Any = None,
) -> list[Trial]:
    """Run the trials and return them in order; `on_trial` is called in that order too, as soon as each is known.

    `search_space` is what `search.space` makes; XGBoost's own with its default ranges if none is given.

    A time budget above 0 stops proposing after that long (at least one trial runs); the rest is unaffected.
    """
    finished = []
    for trial in _stream(
        fit,
        trials,
        Proposer(seed, space(Training()) if search_space is None else search_space),
        engine,
        time_budget_seconds or math.inf,
    ):
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
