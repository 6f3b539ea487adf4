"""Ends the runs of flows that were killed, when the worker starts: `python -m model_orchestration.interrupted_runs`.

A flow that is killed reports nothing: its runs would be `Running` in Prefect and in MLflow for ever, and would keep the
one place of the deployment's concurrency limit. A run that lives holds the lock on its note
(tabular/process/active_runs.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from prefect import State, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Crashed

from tabular.logs.set_up import set_up_process
from tabular.process.active_runs import ActiveRun, left_behind, recorded
from tabular.wiring import Wiring, wire

T = TypeVar("T")
FLOW_RUN = "flow_run"
"""The tag of MLflow's runs that names the flow run which opened them."""


def main() -> int:
    """End what was left behind, and say what; a registry that is not there is no reason not to start."""
    set_up_process("worker")
    try:
        ended = end_left_behind(wire())
    except Exception as error:  # noqa: BLE001 - the next start tries again
        sys.stderr.write(f"runs that were left behind could not be ended now: {error}\n")
        return 0
    for text in ended:
        sys.stdout.write(f"{text}\n")
    return 0


def as_noted(name: str, work: Callable[[], T]) -> T:
    """Do the work of a flow run whose runs the next start ends if this process is killed; first end those that were."""
    wiring, log = wire(), get_run_logger()
    try:
        for text in end_left_behind(wiring):
            log.warning(text)
    except Exception as error:  # noqa: BLE001 - what was left behind must not stop what is wanted now
        log.warning("runs that were left behind could not be ended now: %s", error)
    with recorded(wiring.settings.state_dir, ActiveRun(str(flow_run.id), name)):
        return work()


def end_left_behind(wiring: Wiring) -> list[str]:
    """End the runs in MLflow and Prefect of every flow of this machine whose process is gone; returns what was done.

    Raises Unavailable, or what Prefect's client raises, and then forgets none.
    """
    with left_behind(wiring.settings.state_dir) as notes:
        return [_end(wiring, note) for note in notes]


def _end(wiring: Wiring, note: ActiveRun) -> str:
    found = f"{datetime.now(UTC):%d %b %Y, %H:%M} UTC"
    why = (
        f"the process of this run was gone when the next one started ({found}): it was killed, or the machine went "
        "down. Nothing more comes of it; the next training does its work"
    )
    runs = wiring.registry().end_running(FLOW_RUN, note.flow_run_id, why)
    with get_client(sync_client=True) as client:
        was_running = _crash(client, UUID(note.flow_run_id), why)
    flow = f"the flow {note.flow} ({note.flow_run_id})"
    return f"{flow} was killed: {'ended as crashed' if was_running else 'over already'}, {runs} runs in MLflow failed"


def _crash(client: SyncPrefectClient, flow_run_id: UUID, why: str) -> bool:
    try:
        run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:
        return False
    if run.state is not None and run.state.is_final():
        return False
    state: State[Any] = Crashed(message=why)
    tasks = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]))
    for task in client.read_task_runs(task_run_filter=tasks):
        if task.state is not None and not task.state.is_final():
            client.set_task_run_state(task.id, state, force=True)
    client.set_flow_run_state(flow_run_id, state, force=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
