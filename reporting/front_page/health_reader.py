"""Reads the blocks of a table into its timeline: all of them once, from then on what is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Generic

from reporting.front_page.health import HealthTimeline
from tabular.ports.blocks import AnyBlock, BlockStore

BATCH = 1_000
OVERLAP = timedelta(hours=6)
"""A run's block may be stored so much later than another's that ended at the same time, as after an outage."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class HealthReader(Generic[AnyBlock]):
    """The blocks of one type. Each is added once, though the newest are read again."""

    def __init__(self, store: BlockStore[AnyBlock], table: str, timeline: HealthTimeline) -> None:
        self._store: BlockStore[AnyBlock] = store
        self._table = table
        self._timeline = timeline
        self._since = BEGINNING
        self._added: dict[tuple[str, datetime], datetime] = {}

    def read(self) -> None:
        """Add what is new; raises Unavailable, and what was added stays."""
        since = self._since
        while True:
            found = self._store.of_table(self._table, since, BATCH)
            is_new = [self._add(block) for block in found]
            self._forget_old()
            if len(found) < BATCH or not any(is_new):
                return
            since = found[-1].until

    def _forget_old(self) -> None:
        newest = max(self._added.values(), default=None)
        if newest is not None:
            self._since = newest - OVERLAP
            self._added = {key: until for key, until in self._added.items() if until >= self._since}

    def _add(self, block: AnyBlock) -> bool:
        key = block.run_id, block.since
        if key in self._added:
            return False
        self._added[key] = block.until
        self._timeline.add(block)
        return True
