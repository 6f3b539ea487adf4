"""The champion: promote a run, or roll back to the one that was champion before.

The alias `champion` is what servers follow, so it moves once, in one call, and last of all that can fail for the
model's sake. The ledger must respond before anything changes. MLflow has no conditional write: of two decisions within
the same moment the later one stands, and both are entered.
"""

from __future__ import annotations

from tabular.errors import Rejected
from tabular.ledger.entry import Evidence, LedgerEntry
from tabular.ledger.live import CHANGES, champion_after
from tabular.model.bundle import Bundle
from tabular.ports.registry import CHALLENGER, CHAMPION, PREVIOUS
from tabular.promotion.parts import Decision, Parts
from tabular.promotion.recording import record
from tabular.promotion.servable import servable

DATA_TAG = "data_sha256"


def promote(
    parts: Parts, run_id: str, who: str, why: str, evidence: Evidence | None = None, *, instead_of: str | None = None
) -> LedgerEntry:
    """Make a run the champion; the one it replaces becomes `previous`. Returns what was entered into the ledger.

    `instead_of` is the champion that the decision was about: it is Rejected if another one stands by now. Raises
    Rejected too if the run is champion already, and what `servable` raises; nothing is changed then.
    """
    decision, champion = Decision(who, why, evidence or {}), parts.standing_on()
    if instead_of not in {None, champion}:
        raise Rejected(f"the champion is {champion} by now, and the decision was about {instead_of}")
    if champion == run_id and _is_entered(parts, run_id):
        raise Rejected(f"the run {run_id} is the champion of {parts.table} already")
    bundle = servable(parts, run_id)
    _require_ledger(parts)
    version = parts.registry.register(run_id, None, {})
    if champion not in {None, run_id}:
        parts.registry.register(str(champion), PREVIOUS, {})
    parts.registry.register(run_id, CHAMPION, {})
    parts.registry.drop_alias(CHALLENGER, run_id)
    parts.registry.drop_alias(PREVIOUS, run_id)
    about = _about(parts, run_id, bundle) | {"version": version, "replaced": champion}
    return record(parts, "promoted", run_id, decision, about)


def roll_back(parts: Parts, who: str, why: str, evidence: Evidence | None = None) -> LedgerEntry:
    """Make the run that was champion before the champion again; returns what was entered into the ledger.

    The entry is about the run that served until now; its evidence `restored` names the one that serves again. Raises
    Rejected if none was champion before, and what `servable` raises; nothing is changed then.
    """
    decision = Decision(who, why, evidence or {})
    taken_back, restored = parts.registry.champion(), parts.standing_on(PREVIOUS)
    if restored in {None, taken_back}:
        raise Rejected(
            f"no run of {parts.table} is known that was champion before {taken_back}. `make ledger` lists them; to "
            'serve one of them: make promote RUN_ID=id why="the reason"'
        )
    bundle = servable(parts, str(restored))
    _require_ledger(parts)
    parts.registry.register(str(restored), CHAMPION, {})
    parts.registry.drop_alias(PREVIOUS, str(restored))
    about = _about(parts, str(restored), bundle) | {"restored": restored}
    return record(parts, "rolled_back", taken_back, decision, about)


def _is_entered(parts: Parts, run_id: str) -> bool:
    """Whether the ledger's last change of champion is this run; if not, an earlier attempt was cut short."""
    last = parts.ledger.entries(table=parts.table, kinds=CHANGES, limit=1)
    return bool(last) and champion_after(last[0]) == run_id


def _require_ledger(parts: Parts) -> None:
    parts.ledger.entries(table=parts.table, limit=1)


def _about(parts: Parts, run_id: str, bundle: Bundle) -> dict[str, str | float | None]:
    """What serves from now on, by which `make live` says it later."""
    run = parts.registry.run(run_id)
    return {
        "data_version": run.tags.get(DATA_TAG),
        "contract": bundle.contract.digest,
        "bundle": bundle.digest,
        "page": run.url,
    }
