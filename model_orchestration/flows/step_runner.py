"""Runs the steps of a job as Prefect tasks; the result of a step is kept under a key of everything it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from prefect import get_run_logger, task
from prefect.states import Failed

from model_orchestration.code_digest import step_digest
from model_orchestration.job import Job, Tools
from tabular.errors import Rejected, TabularError, Unavailable
from tabular.settings import Settings

T = TypeVar("T")
RETRIES, RETRY_SECONDS = 1, 3


@dataclass
class StepRunner:
    """Runs the steps of one job as Prefect tasks, and remembers which results were there already."""

    settings: Settings
    tools: Tools
    job: Job
    refresh: bool
    reused: list[str] = field(default_factory=list)

    def step(self, name: str, kind: type[T], depends_on: list[Any] | None, work: Callable[[], T]) -> T:
        """Run one step, or take its kept result; `depends_on` is what it depends on but its code, None: always run."""
        key = None if depends_on is None else _key(name, [step_digest(name), *depends_on])

        # What is Unavailable is raised, for Prefect tries again what raises.
        @task(
            name=name,
            cache_key_fn=None if key is None else lambda *_: key,
            refresh_cache=self.refresh,
            persist_result=key is not None,
            result_storage=self.settings.flow_cache_dir.absolute() if key else None,
            result_serializer="json",
            retries=RETRIES,
            retry_delay_seconds=RETRY_SECONDS,
            retry_condition_fn=lambda _task, _run, state: isinstance(state.result(raise_on_failure=False), Unavailable),
        )
        def run() -> Any:
            return plainly(lambda: msgspec.to_builtins(work()), Rejected)

        state = run(return_state=True)
        found = msgspec.convert(state.result(), kind)
        if state.name == "Cached":
            self.reused.append(name)
            get_run_logger().info("%s: unchanged, so the kept result is used", name)
        return found


def plainly(work: Callable[[], Any], expected: type[TabularError] = TabularError) -> Any:
    """Do the work; an expected error fails the run with its reason alone, for a traceback would only bury it."""
    try:
        return work()
    except expected as error:
        return Failed(message=str(error), data=error)


def _key(name: str, depends_on: list[Any]) -> str:
    content = msgspec.json.encode(depends_on, order="deterministic")
    return f"{name}-{hashlib.sha256(content).hexdigest()}"
