"""The stack that the drill plays on: its own store, registry, servers and ports, so that nobody's data are touched.

It is in accelerated time: the monitor, the servers and the shadow look every second or two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from embedded.environment import (
    prefect_client_environ,
    process_base,
    process_environ,
    remember,
    stack_settings,
)
from embedded.inherited import inherited
from embedded.layout import PROJECT, Ports, layout_of
from embedded.operate import Stack, StepFailed
from embedded.services.service import free_port, tail
from embedded.services.stack import STORE
from tabular.errors import TabularError

BACKENDS = ("emulator", "mlflow", "prefect", *STORE)
SERVERS = ("api", "monitor", "shadow")
ACCELERATED = {
    "MODEL_REFRESH_SECONDS": "1",
    "MONITOR_INTERVAL_SECONDS": "1",
    "MONITOR_BLOCK_SECONDS": "3",
    "TRIALS": "4",
    "SHADOW_INTERVAL_SECONDS": "2",
    "RETRAIN_MIN_LABELS": "6000",
    "RETRAIN_COOL_DOWN_HOURS": "0",
    "API_WORKERS": "1",
}


@contextmanager
def own_stack(state: Path, dataset: Path) -> Iterator[Stack]:
    """A stack for the duration of a block; what it wrote is deleted at the end, but for the logs if the block fails."""
    ports = Ports(**{name: free_port() for name in Ports.__dataclass_fields__})
    addresses = {f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    chosen = {**ACCELERATED, **addresses, "DATASET_CSV": str(dataset)}
    settings = stack_settings(state, chosen)
    stack = Stack(layout_of(settings), settings, chosen)
    _end(stack)  # that of an earlier drill which was killed
    dataset.parent.mkdir(parents=True, exist_ok=True)
    remember(stack.layout, {key: value for key, value in chosen.items() if key != "DATASET_CSV"})
    kept = logs_of_failure(state)
    shutil.rmtree(kept, ignore_errors=True)
    try:
        yield stack
    except TabularError:
        shutil.copytree(stack.layout.logs, kept, dirs_exist_ok=True)
        raise
    finally:
        _end(stack)


def logs_of_failure(state: Path) -> Path:
    """Where the logs are kept of a drill that failed."""
    return state.with_name(f"{state.name}-logs")


def run_quietly(stack: Stack, module: str, *arguments: str) -> str:
    """Run one of our modules, its output into the log; returns that output, raises StepFailed with the log's end."""
    log = stack.layout.logs / "drill.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", module, *arguments],
        env=_environ(stack),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    with log.open("a") as written:
        written.write(f"== python -m {module} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        raise StepFailed(f"'python -m {module}' failed with exit code {done.returncode}:\n{tail(log)}")
    return done.stdout


def with_dataset(stack: Stack, dataset: Path) -> Stack:
    """The same stack, whose next publication is of another file."""
    return replace(stack, given={**stack.given, "DATASET_CSV": str(dataset)})


def _environ(stack: Stack) -> dict[str, str]:
    """The environment of the drill's commands, in which none of the caller's own settings is left."""
    clients = prefect_client_environ(stack.layout, stack.settings)
    return {**process_base(inherited(os.environ)), **process_environ(stack.layout, stack.given), **clients}


def _end(stack: Stack) -> None:
    stack.end()
    shutil.rmtree(stack.layout.state, ignore_errors=True)
