"""Where news is posted: a webhook of the user's."""

from __future__ import annotations

from typing import Protocol

from tabular.ledger.entry import LedgerEntry


class Messenger(Protocol):
    """What tells people of an entry of the ledger."""

    def post(self, entry: LedgerEntry) -> None:
        """Post one entry; raises Unavailable if it may be taken later, Rejected if it never is."""
