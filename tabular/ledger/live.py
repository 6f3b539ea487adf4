"""What answered at a time: by the ledger, and by the predictions that are stored around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tabular.ledger.entry import Kind, LedgerEntry
from tabular.ports.ledger import Ledger
from tabular.ports.predictions import PredictionReader

CHANGES: tuple[Kind, ...] = ("promoted", "rolled_back")
AROUND = timedelta(minutes=5)
"""How far before and after the time predictions are looked for."""
MOST_READ = 10_000


@dataclass(frozen=True)
class Live:
    """What served at a time. `entry` made it champion, None if the ledger knows of none by then.

    `runs` counts the predictions stored within AROUND by the run that made them; `expected` are the runs that were
    champion in that time, of which any may have made one.
    """

    at: datetime
    entry: LedgerEntry | None
    runs: Mapping[str, int]
    expected: Collection[str]

    @property
    def others(self) -> dict[str, int]:
        """The predictions by runs that were not champion then: pinned ones, or files scored by a named run."""
        return {run: count for run, count in self.runs.items() if run not in self.expected}


def champion_after(entry: LedgerEntry) -> str | None:
    """The run that is champion after a promotion or a rollback."""
    restored = entry.evidence.get("restored")
    return str(restored) if entry.kind == "rolled_back" and restored is not None else entry.run_id


def live(ledger: Ledger, predictions: PredictionReader, table: str, at: datetime) -> Live:
    """What served a table at a time; raises Unavailable."""
    since, until = at - AROUND, at + AROUND
    changes = ledger.entries(table=table, until=until, kinds=CHANGES, limit=MOST_READ)
    before = [entry for entry in changes if entry.at <= at]
    # Whatever was champion when the window began, or became it within.
    first = next((place for place, entry in enumerate(changes) if entry.at <= since), len(changes) - 1)
    expected = {str(champion_after(entry)) for entry in changes[: first + 1]}
    runs = predictions.runs(since, until, MOST_READ, table=table)
    return Live(at, before[0] if before else None, dict(runs), expected)
