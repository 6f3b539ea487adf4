"""Deletes what the settings let go of one table, kind by kind, and enters how much of what into the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import datetime

from model_orchestration.retention.entries import old_entries
from model_orchestration.retention.needs import Surroundings
from model_orchestration.retention.pages import old_pages
from model_orchestration.retention.part import Part
from model_orchestration.retention.predictions import old_predictions, old_shadow_scores
from model_orchestration.retention.runs import old_runs
from model_orchestration.retention.versions import old_versions
from tabular.errors import NotFound
from tabular.ledger.entry import LedgerEntry
from tabular.ledger.live import CHANGES
from tabular.ports.registry import CHALLENGER, CHAMPION, PREVIOUS
from tabular.ports.retention import RetentionStore
from tabular.wiring import Wiring

WHO = "retention"
MOST_CHANGES = 10_000
DATA_TAG = "data_sha256"


def retain(wiring: Wiring, now: datetime, *, dry: bool) -> list[Part]:
    """Delete what may go of the wiring's table, or count it; what became of each kind that a setting is about.

    Raises Unavailable if something that may need data cannot be asked: nothing more is deleted then, and the next time
    goes on. What was deleted is in the ledger in any case.
    """
    with ExitStack() as opened:
        store = opened.enter_context(closing(wiring.retention()))
        asked = _surroundings(wiring, opened)
        parts: list[Part] = []
        try:
            for part in _parts(wiring, asked, store, now, dry=dry):
                parts.append(part)  # noqa: PERF402 - those before a failure are to be entered
        finally:
            if not dry:
                _enter(asked, parts, now)
    return parts


def _surroundings(wiring: Wiring, opened: ExitStack) -> Surroundings:
    stores = (wiring.ledger(), wiring.predictions(), wiring.shadow(), wiring.blocks())
    ledger, predictions, shadow, blocks = (opened.enter_context(closing(store)) for store in stores)
    return Surroundings(wiring.contract, wiring.settings, wiring.registry(), ledger, predictions, shadow, blocks)  # type: ignore[arg-type]


def _parts(wiring: Wiring, asked: Surroundings, store: RetentionStore, now: datetime, *, dry: bool) -> Iterator[Part]:
    settings, contract, table = wiring.settings, wiring.contract, asked.table
    yield from old_predictions(asked, store, now, dry=dry)
    yield from old_shadow_scores(asked, store, now, dry=dry)
    yield from old_entries(table, settings.retention_ledger_days, store, now, dry=dry)
    yield from old_pages(settings.reports_dir, table, settings.retention_reports_days, now, dry=dry)
    if settings.retention_versions:
        needed = versions_of_models(asked)
        yield from old_versions(wiring.objects(), contract, settings.retention_versions, needed, dry=dry)
    if settings.retention_runs_days:
        kept = store.runs() | {*_served(asked)}
        yield from old_runs(wiring.old_runs(), kept, settings.retention_runs_days, now, dry=dry)


def versions_of_models(asked: Surroundings) -> Mapping[str, str]:
    """By sha256 why a version is needed: a run that serves, may serve or has served was trained on it."""
    needed: dict[str, str] = {}
    for run_id in filter(None, (*_served(asked), *map(asked.standing_on, (CHAMPION, CHALLENGER, PREVIOUS)))):
        try:
            sha256 = asked.registry.run(run_id).tags.get(DATA_TAG)
        except NotFound:  # deleted by hand
            continue
        if sha256:
            needed[sha256] = f"run {run_id} was trained on it"
    return needed


def _served(asked: Surroundings) -> list[str]:
    """Every run that the ledger names in a promotion or a rollback."""
    changes = asked.ledger.entries(asked.table, kinds=CHANGES, limit=MOST_CHANGES)
    named = ((one.run_id, one.evidence.get("restored"), one.evidence.get("replaced")) for one in changes)
    return sorted({str(run_id) for several in named for run_id in several if run_id})


def _enter(asked: Surroundings, parts: list[Part], now: datetime) -> None:
    gone = {part.name: part.deleted for part in parts if part.deleted}
    if not gone:
        return
    counted = ", ".join(f"{count:,} {name}" for name, count in gone.items())
    evidence: dict[str, str | float | None] = {name.replace(" ", "_"): float(count) for name, count in gone.items()}
    why = f"Deleted, as RETENTION_* say and nothing needs them: {counted}."
    asked.ledger.append(LedgerEntry(at=now, table=asked.table, kind="deleted", who=WHO, why=why, evidence=evidence))
