"""The progress of a sweep: a bar on a terminal, and one in the Prefect UI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from model_orchestration import steps

UI_UPDATE_SECONDS = 1.0


@contextmanager
def progress(trials: int) -> Iterator[steps.Progress]:
    """Yields what to call after each trial: with how many are done, and the best validation loss."""
    columns = (TextColumn("sweep"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    artifact = cast(UUID, create_progress_artifact(0.0, "sweep-progress", f"A sweep of {trials} trials"))
    updated_at = time.monotonic()
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bar:
        line = bar.add_task("", total=trials)

        def on_trial(done: int, best: float) -> None:
            nonlocal updated_at
            bar.update(line, completed=done, description=f"best validation loss {best:.4f}")
            if done == trials or time.monotonic() - updated_at > UI_UPDATE_SECONDS:
                update_progress_artifact(artifact, 100.0 * done / trials)
                updated_at = time.monotonic()

        yield on_trial
