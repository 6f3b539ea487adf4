"""The same search on threads and on Dask clusters of this machine: what it takes, and that it finds the same."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass, field

from benchmarks.harness.figures import Row, at_least, median_ratio
from benchmarks.harness.processes import tree, usage
from benchmarks.harness.results import Table
from benchmarks.search.peers import SEED, WARM, Task
from model_orchestration.search.engines import Engine
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.sweep import sweep
from model_orchestration.search.trial import objective

ONE, TWO, DASK_TWO, DASK_FOUR = Engine(1), Engine(2), Engine(2, "dask"), Engine(4, "dask")
ENGINES = (ONE, TWO, DASK_TWO, DASK_FOUR)


@dataclass
class Run:
    """What the searches of one engine took, in seconds, and the parameters they found."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    found: list[object] = field(default_factory=list)


def measure(task: Task, rounds: int) -> dict[Engine, Run]:
    """The same search on every engine, in turn."""
    fit = Fit(task.data, objective(task.contract), SEED)
    runs = {engine: Run() for engine in ENGINES}
    for _ in range(rounds):
        for engine, run in runs.items():
            once(engine, fit, task.trials, run)
    return runs


def once(engine: Engine, fit: Fit, trials: int, run: Run) -> None:
    """Start the engine, give every worker a trial, then search."""
    began = time.perf_counter()
    with engine.started(fit) as (executor, remote):
        for warm in [executor.submit(remote, at, WARM) for at in range(2 * engine.workers)]:
            warm.result()
        run.start.append(time.perf_counter() - began)
        before, began = usage(tree(os.getpid())).cpu_seconds, time.perf_counter()
        done = sweep(remote, trials, SEED, executor)
        run.wall.append(time.perf_counter() - began)
        run.cpu.append(usage(tree(os.getpid())).cpu_seconds - before)
        run.found.append(min(done, key=lambda trial: trial.loss).params)


def table(runs: dict[Engine, Run], task: Task) -> Table:
    """Seconds by engine, and the speed beside one and two threads."""
    rows: list[Row] = [
        {
            "engine": f"{engine.name}, {engine.workers}",
            "wall s": statistics.median(run.wall),
            "speed, 1 local = 1": median_ratio(runs[ONE].wall, run.wall),
            "speed, 2 local = 1": median_ratio(runs[TWO].wall, run.wall),
            "CPU s": statistics.median(run.cpu),
            "start s": statistics.median(run.start),
            "same best": "yes" if all(found == runs[ONE].found[0] for found in run.found) else "no",
        }
        for engine, run in runs.items()
    ]
    notes = (
        f"{task.trials} trials, nothing recorded; medians of {len(runs[ONE].wall)} rounds, ratios within a round. "
        "The start is not in the wall time."
    )
    return Table("By engine", rows, notes, bars=("engine", "speed, 1 local = 1"))


def met(runs: dict[Engine, Run]) -> list[Row]:
    """The goal beside what was found."""
    speed = median_ratio(runs[TWO].wall, runs[DASK_FOUR].wall)
    return at_least("speed of 4 Dask workers over 2 local ones", speed, 0.85)
