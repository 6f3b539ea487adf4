"""The ledger of decisions about models: entries are added, and never changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from tabular.ledger.entry import Kind, LedgerEntry

ENTRIES_SHOWN = 1_000
"""How many entries are read where nobody says how many."""


class Ledger(Protocol):
    """Raises Unavailable."""

    def append(self, entry: LedgerEntry) -> bool:
        """Add an entry; False if one of its id stands already, and is kept. Raises Rejected for one that is none."""

    def entries(
        self,
        table: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Collection[Kind] = (),
        limit: int = ENTRIES_SHOWN,
    ) -> list[LedgerEntry]:
        """The newest entries, newest first: of one table or all, since <= at < until, of these kinds or of any."""

    def close(self) -> None:
        """Close the connections."""
