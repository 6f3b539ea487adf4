"""Checks that there is a model to serve before the running servers are stopped for it."""

from __future__ import annotations

import subprocess
import sys

from embedded.layout import PROJECT
from embedded.operate import Stack
from tabular.errors import Rejected

_NEEDED = ("emulator", "mlflow")


def check_model(stack: Stack) -> None:
    """Load the requested run as a server would; raises Rejected with the reason if it cannot be served."""
    if not set(_NEEDED) <= set(stack.supervisor.up()):
        raise Rejected(
            "The registry is not running: MLflow and the streams are missing. Start it first: make setup-model-registry"
        )
    line = [sys.executable, "-m", "server.scoring.check_bundle"]
    done = subprocess.run(line, env=stack.environ, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        wanted = f"RUN_ID={stack.settings.run_id}" if stack.settings.run_id else "The champion"
        reason = done.stderr.strip().rpartition("\n")[2]
        raise Rejected(f"{wanted} cannot be served: {reason}. Nothing was changed. {_next_step(stack)}")


def check_promoted(stack: Stack) -> None:
    """With PROMOTION=manual a first model serves only once an engineer has promoted it; raises Rejected until then."""
    if stack.settings.promotion == "manual":
        check_model(stack)


def _next_step(stack: Stack) -> str:
    if stack.settings.promotion == "manual":
        return 'With PROMOTION=manual you decide: make promote RUN_ID=id why="the reason", then start again'
    return "To train a model: make train"
