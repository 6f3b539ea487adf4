"""Which alias a model that passed the gate gets, by PROMOTION: champion, challenger, or none until an engineer acts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from model_orchestration.outcome import GateResult
from tabular.errors import Rejected
from tabular.model.bundle import read_bundle
from tabular.ports.registry import CHALLENGER, CHAMPION
from tabular.promotion.challenger import challenge
from tabular.promotion.champion import promote
from tabular.promotion.contracts import differences
from tabular.promotion.parts import Parts
from tabular.setting_groups.promotion import PromotionMode

GATE = "gate"
"""Who decided, in the ledger."""


@dataclass(frozen=True)
class Standing:
    """The alias; without one why there is none, and of a challenger what its promotion waits for."""

    alias: str | None = None
    why_none: str | None = None
    waits_for: str | None = None


def stand(
    parts: Parts, mode: PromotionMode, run_id: str, result: GateResult, *, replaces_any: bool = False
) -> Standing:
    """Give a registered run that passed the gate its alias, and enter that into the ledger; raises Unavailable.

    `replaces_any` says that the champion need not be compared with, as one of synthetic data beside a real table.
    """
    champion = parts.standing_on()
    if champion == run_id:
        return Standing(CHAMPION)
    if mode == "manual":
        return Standing(why_none=f"not made champion: with PROMOTION=manual an engineer decides. {_by_hand(run_id)}")
    if (ended := _ended(parts, run_id)) is not None:
        return Standing(why_none=f"not considered again: {ended}. {_by_hand(run_id)}")
    if mode == "gate" or champion is None or replaces_any:
        promote(parts, run_id, GATE, _why(champion, replaces_any=replaces_any), _evidence(result), instead_of=champion)
        return Standing(CHAMPION)
    if found := _other_requests(parts, champion):
        why = f"the champion {champion} has another contract: {'; '.join(found)}"
        return Standing(why_none=f"not compared in shadow, for {why}. {_by_hand(run_id)}")
    challenge(
        parts, run_id, GATE, "It passed the gate, and is compared with the champion in shadow.", _evidence(result)
    )
    waits = f"evidence in shadow that it is better than the champion {champion}. {_by_hand(run_id)}"
    return Standing(CHALLENGER, waits_for=waits)


def _by_hand(run_id: str) -> str:
    return f'To serve it now: make promote RUN_ID={run_id} why="the reason"'


def _why(champion: str | None, *, replaces_any: bool) -> str:
    if champion is None:
        return "It passed the gate, and there was no champion."
    if replaces_any:
        return "It passed the gate on a real table, and the champion was trained on synthetic data."
    return "It passed the gate, in which it was compared with the champion."


def _evidence(result: GateResult) -> dict[str, str | float | None]:
    """How the model compares with the champion on test rows, by metric: the mean difference and its interval."""
    found: dict[str, str | float | None] = {}
    for one in result.against_champion:
        found |= {
            f"{one.metric}_gain": one.gain,
            f"{one.metric}_gain_low": one.low,
            f"{one.metric}_gain_high": one.high,
        }
    return found


def _ended(parts: Parts, run_id: str) -> str | None:
    """How this very run was taken back or dropped for its predictions, unless it was promoted since."""
    tags = parts.registry.version_tags(run_id)
    since = tags.get("promoted_at", "")
    for kind, words in (("rolled_back", "was rolled back"), ("dropped", "was dropped as challenger")):
        at, by = tags.get(f"{kind}_at", ""), tags.get(f"{kind}_by", "")
        if at > since and by != GATE:  # one that the gate dropped only made room for a newer model
            return f"it {words} on {at} by {by}: {tags.get(f'{kind}_why', '')}".rstrip(".")
    return None


def _other_requests(parts: Parts, champion: str) -> list[str]:
    """How the champion's contract differs for clients, whose stored rows this model could not score then."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            parts.registry.fetch_bundle(champion, Path(folder))
            return differences(parts.contract, read_bundle(Path(folder)).contract)
    except Rejected as error:
        return [f"it cannot be read: {error.message}"]
