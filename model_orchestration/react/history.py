"""What the ledger says of a table: the alarms that stand, and what this policy did before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec

from model_orchestration.react.policy import Alarm, AlarmKind, Decision
from tabular.ledger.entry import Kind, LedgerEntry, entry_id
from tabular.ports.ledger import Ledger

WHO = "react"
ALARMS_LOOKED_BACK = timedelta(days=90)
ATTEMPTS_LOOKED_BACK = timedelta(days=30)
MOST_ENTRIES = 2_000
DECIDED: tuple[Kind, ...] = ("decided",)
OF_ALARMS: tuple[Kind, ...] = ("alarmed", "alarm_ended")


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The alarms that stand for a run, the times of the trainings that were started, the alarms that were told of.

    `last` is the last decision that was entered, if any.
    """

    alarms: tuple[Alarm, ...]
    attempts: tuple[datetime, ...]
    told: frozenset[str]
    last: LedgerEntry | None


def read_history(ledger: Ledger, table: str, run_id: str | None, now: datetime) -> History:
    """What the ledger says; alarms of another run than this are none of its own. Raises Unavailable."""
    decided = ledger.entries(table, now - ATTEMPTS_LOOKED_BACK, None, DECIDED, MOST_ENTRIES)
    ours = [entry for entry in decided if entry.who == WHO]
    return History(
        alarms=_standing(ledger, table, run_id, now),
        attempts=tuple(entry.at for entry in ours if entry.evidence.get("action") in ("train", "retrain")),
        told=frozenset(each for entry in ours for each in _alarms_of(entry)),
        last=ours[0] if ours else None,
    )


def enter(ledger: Ledger, table: str, run_id: str | None, decision: Decision, history: History, now: datetime) -> bool:
    """Enter a decision; the same nothing as last time is no entry. Returns whether it was entered. Raises Unavailable.

    What is told of an alarm has the identity of that alarm, so that it is entered once whoever asks meanwhile.
    """
    before = history.last.evidence if history.last is not None else {}
    if decision.action == "nothing" and (before.get("action"), before.get("reason")) == ("nothing", decision.reason):
        return False
    identity: dict[str, Any] = {}
    if decision.action == "tell":
        identity = {"id": entry_id(table, "decided", "tell", *sorted(decision.about))}
    evidence: dict[str, str | float | None] = {
        "action": decision.action,
        "reason": decision.reason,
        "trigger": decision.trigger,
        "alarms": " ".join(decision.about) or None,
    }
    entry = LedgerEntry(
        **identity, at=now, table=table, kind="decided", run_id=run_id, who=WHO, why=decision.why, evidence=evidence
    )
    return ledger.append(entry)


def _standing(ledger: Ledger, table: str, run_id: str | None, now: datetime) -> tuple[Alarm, ...]:
    entries = ledger.entries(table, now - ALARMS_LOOKED_BACK, None, OF_ALARMS, MOST_ENTRIES)
    newest: dict[AlarmKind, LedgerEntry] = {}
    for entry in entries:
        kind = entry.evidence.get("kind")
        if entry.run_id == run_id and kind in get_args(AlarmKind):
            newest.setdefault(kind, entry)  # type: ignore[arg-type]  # it is one of the words
    return tuple(
        Alarm(entry=entry.id, kind=kind, since=entry.at) for kind, entry in newest.items() if entry.kind == "alarmed"
    )


def _alarms_of(entry: LedgerEntry) -> Sequence[str]:
    return str(entry.evidence.get("alarms") or "").split()
