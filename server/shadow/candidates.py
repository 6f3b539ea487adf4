"""Which models are in the shadow of a table: its challenger, and for some days the champion of before a promotion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, get_args

from tabular.errors import NotFound
from tabular.ledger.entry import LedgerEntry
from tabular.ports.ledger import Ledger
from tabular.ports.registry import CHALLENGER, PREVIOUS

Role = Literal["challenger", "previous"]
ROLES: frozenset[Role] = frozenset(get_args(Role))
ENTRIES_READ = 200


class Aliases(Protocol):
    """What is asked of the registry. Raises Unavailable."""

    def alias(self, alias: str) -> str:
        """The run id that an alias stands on; raises NotFound if it stands on none."""


@dataclass(frozen=True)
class Candidate:
    """A model in the shadow; `since` is when it entered, by the ledger, None if that does not say."""

    role: Role
    run_id: str
    since: datetime | None


def candidates(
    aliases: Aliases, ledger: Ledger, table: str, champion: str, now: datetime, previous_days: float
) -> list[Candidate]:
    """The models that are to be scored beside the champion; raises Unavailable."""
    entries = ledger.entries(table, kinds=("challenged", "promoted", "rolled_back"), limit=ENTRIES_READ)
    found = [_challenger(aliases, entries, champion), _previous(aliases, entries, champion, now, previous_days)]
    return [candidate for candidate in found if candidate is not None]


def _challenger(aliases: Aliases, entries: list[LedgerEntry], champion: str) -> Candidate | None:
    run_id = _run_of(aliases, CHALLENGER)
    if run_id in (None, champion):
        return None
    times = [entry.at for entry in entries if entry.kind == "challenged" and entry.run_id == run_id]
    return Candidate("challenger", str(run_id), times[0] if times else None)


def _previous(
    aliases: Aliases, entries: list[LedgerEntry], champion: str, now: datetime, days: float
) -> Candidate | None:
    """The champion of before, if the last change was a promotion of the present one and not long ago."""
    last = next((entry for entry in entries if entry.kind in ("promoted", "rolled_back")), None)
    if last is None or last.kind != "promoted" or last.run_id != champion or now - last.at >= timedelta(days=days):
        return None
    run_id = _run_of(aliases, PREVIOUS)
    return None if run_id in (None, champion) else Candidate("previous", str(run_id), last.at)


def _run_of(aliases: Aliases, alias: str) -> str | None:
    try:
        return aliases.alias(alias)
    except NotFound:
        return None
