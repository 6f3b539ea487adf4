"""What follows from the decision to train again: a harvest, a training on the new version, and an entry of both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from model_orchestration.data.harvest.harvest import HarvestRequest, harvest
from model_orchestration.react.history import WHO
from model_orchestration.react.policy import Decision
from model_orchestration.react.reaction import Parts
from tabular.errors import TabularError
from tabular.ledger.entry import LedgerEntry


class Trained(msgspec.Struct, frozen=True):
    """What a training came to: the run of its best trial, the alias that it got, and a sentence about it."""

    run_id: str
    alias: str
    summary: str


Train = Callable[[str, str], Trained]
"""Trains a table, by its name, on a version, by its sha256; raises TabularError."""


def retrain(parts: Parts, decision: Decision, train: Train, max_rows: int) -> str:
    """Harvest and train; returns a sentence. What goes wrong is entered in the ledger, and then raised."""
    version = ""
    try:
        asked = HarvestRequest(until=datetime.now(UTC), max_rows=max_rows, who=WHO)
        version = harvest(parts.objects, parts.store, parts.ledger, parts.contract, asked).version.sha256
        trained = train(parts.table, version)
    except TabularError as error:
        _enter_failure(parts, decision, version, error)
        raise
    why = f"{decision.why}: trained on {version[:12]}, {trained.summary}"
    evidence: dict[str, str | float | None] = {"data_version": version, "alias": trained.alias}
    _enter(parts, "retrained", trained.run_id, why, evidence | {"trigger": decision.trigger})
    return why


def _enter_failure(parts: Parts, decision: Decision, version: str, error: TabularError) -> None:
    what = f"the training on {version[:12]}" if version else "the harvest"
    why = f"{what} failed, which began because {decision.why}. {error}"
    evidence: dict[str, str | float | None] = {"action": "tell", "reason": "failed", "data_version": version or None}
    _enter(parts, "decided", None, why, evidence)


def _enter(parts: Parts, kind: str, run_id: str | None, why: str, evidence: dict[str, str | float | None]) -> None:
    fields = {"at": datetime.now(UTC), "table": parts.table, "run_id": run_id, "who": WHO, "why": why}
    parts.ledger.append(LedgerEntry(**fields, kind=kind, evidence=evidence))  # type: ignore[arg-type]
