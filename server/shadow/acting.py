"""Carries out what was decided about a model in the shadow, with its evidence on record."""

from __future__ import annotations

from datetime import UTC, datetime

from server.shadow.candidates import Candidate
from server.shadow.decision import Decision
from tabular.errors import Rejected
from tabular.ledger.entry import Evidence, LedgerEntry, entry_id
from tabular.promotion.challenger import drop_challenger
from tabular.promotion.champion import promote, roll_back
from tabular.promotion.parts import Parts

WHO = "shadow"


def act(parts: Parts, candidate: Candidate, champion: str, decision: Decision, evidence: Evidence) -> None:
    """Promote, drop or roll back; raises Rejected if another champion stands by now, and Unavailable."""
    why = _sentence(decision.why)
    if decision.action == "promote":
        _promote(parts, candidate.run_id, champion, why, evidence)
    elif decision.action == "drop":
        drop_challenger(parts, candidate.run_id, WHO, why, evidence)
    elif decision.action == "roll_back" and parts.standing_on() == champion:
        roll_back(parts, WHO, why, evidence)


def _promote(parts: Parts, run_id: str, champion: str, why: str, evidence: Evidence) -> None:
    try:
        promote(parts, run_id, WHO, why, evidence, instead_of=champion)
    except Rejected as error:
        if parts.standing_on() != champion:
            raise
        drop_challenger(parts, run_id, WHO, f"{why} But it cannot be served: {error}", evidence)


def propose(parts: Parts, candidate: Candidate, champion: str, decision: Decision, evidence: Evidence) -> None:
    """Enter what an engineer is to decide, once; raises Unavailable."""
    command = "make rollback" if decision.action == "roll_back" else f"make promote RUN_ID={candidate.run_id}"
    what = "Nothing is to be done" if decision.action == "drop" else f"To act on it: {command}"
    entry = LedgerEntry(
        id=entry_id(parts.table, "decided", WHO, champion, candidate.run_id, decision.action),
        at=datetime.now(UTC),
        table=parts.table,
        kind="decided",
        run_id=candidate.run_id,
        who=WHO,
        why=f"{_sentence(decision.why)} Nothing was changed, because an engineer decides here. {what}.",
        evidence={**evidence, "champion": champion},
    )
    parts.ledger.append(entry)


def _sentence(why: str) -> str:
    return f"{why[0].upper()}{why[1:]}."
