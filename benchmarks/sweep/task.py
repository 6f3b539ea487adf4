"""What all sweeps of this benchmark have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from model_orchestration.data.split import Split
from model_orchestration.search.sweep import SearchData
from tabular.contract.types import Contract

SEED = 42
WARM = {"learning_rate": 0.2, "max_depth": 2}
"""A trial before the clock starts."""


@dataclass(frozen=True)
class Task:
    """The rows, how many trials on how many workers, and the MLflow server."""

    contract: Contract
    parts: Split
    data: SearchData
    trials: int
    workers: int
    uri: str


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found
