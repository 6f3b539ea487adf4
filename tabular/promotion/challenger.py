"""The challenger: a run that passed the gate and is compared with the champion on the rows that are predicted."""

from __future__ import annotations

from tabular.ledger.entry import Evidence, LedgerEntry
from tabular.ports.registry import CHALLENGER
from tabular.promotion.parts import Decision, Parts
from tabular.promotion.recording import record


def challenge(parts: Parts, run_id: str, who: str, why: str, evidence: Evidence | None = None) -> LedgerEntry | None:
    """Make a registered run the challenger; one that it replaces before a decision is dropped, and that is entered.

    Returns what was entered; None if it is the challenger already. Raises Unavailable, NotFound.
    """
    decision, before = Decision(who, why, evidence or {}), parts.standing_on(CHALLENGER)
    if before == run_id:
        return None
    if before is not None:
        replaced = f"A newer model, {run_id}, passed the gate before there was enough evidence about this one."
        drop_challenger(parts, before, who, replaced, {"replaced_by": run_id})
    parts.registry.register(run_id, CHALLENGER, {})
    about = {"champion": parts.standing_on(), "page": parts.registry.url(run_id)}
    return record(parts, "challenged", run_id, decision, about)


def drop_challenger(parts: Parts, run_id: str, who: str, why: str, evidence: Evidence | None = None) -> LedgerEntry:
    """End the comparison of a challenger that does not become champion; returns what was entered."""
    decision, champion = Decision(who, why, evidence or {}), parts.standing_on()
    parts.registry.drop_alias(CHALLENGER, run_id)
    return record(parts, "dropped", run_id, decision, {"champion": champion})
