"""Runs of MLflow that nothing names any more: trials of old sweeps above all. A model version's run always stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from model_orchestration.retention.part import Part
from tabular.errors import NotFound
from tabular.ports.retention import OldRun, OldRuns


def old_runs(runs: OldRuns, needed: Collection[str], days: float, now: datetime, *, dry: bool) -> Iterator[Part]:
    """Delete them, or count them, but for those that are `needed`; raises Unavailable.

    `needed` are those that served, or made predictions which are stored. A sweep goes after its trials.
    """
    if not days:
        return
    before = now - timedelta(days=days)
    found, registered = runs.ended_before(before), runs.registered()
    old = deletable(found, registered | set(needed))
    for run in () if dry else old:
        try:
            runs.delete_run(run.run_id)
        except NotFound:
            continue  # by hand, meanwhile
    kept = [
        f"what ended from {before:%Y-%m-%d %H:%M} UTC on by RETENTION_RUNS_DAYS={days:g}",
        f"{len(found) - len(old):,} older ones that are model versions or served, made a stored prediction, or are the "
        "sweep of such a one",
    ]
    yield Part("MLflow runs", len(old), kept)


def deletable(found: Collection[OldRun], needed: Collection[str]) -> list[OldRun]:
    """Those that are not needed, trials before their sweeps; a sweep stays with the last trial that does."""
    sweeps = {run.parent_id for run in found if run.run_id in needed}
    old = [run for run in found if run.run_id not in needed and run.run_id not in sweeps]
    return sorted(old, key=lambda run: run.parent_id is None)
