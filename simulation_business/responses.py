"""What comes back for the records that were put on a stream: results and dead letters, read from now on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from simulation_business.rows import Row
from tabular.ports.streams import Gone, Shards, StaleIterator, StreamRecord

DISCOVER_SECONDS = 10.0
READ_RECORDS = 1_000
MAX_OUTSTANDING = 100_000


class Put(NamedTuple):
    """A row that was put on the stream, and when."""

    row: Row
    at: datetime


@dataclass
class Outstanding:
    """The rows that were put and have no response yet, by partition key; of more than MAX_OUTSTANDING the newest."""

    _put: dict[str, Put] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._put)

    def add(self, key: str, put: Put) -> None:
        """A row is on its way."""
        if len(self._put) >= MAX_OUTSTANDING:
            self._put.pop(next(iter(self._put)))
        self._put[key] = put

    def take(self, key: str) -> Put | None:
        """The row whose response came; None for another's, and for one that came twice."""
        return self._put.pop(key, None)


class Tail:
    """Reads what is put on a stream from the first `poll` on. Raises Unavailable."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self._iterators: dict[str, str | None] = {}
        self._discover_at_seconds = 0.0
        self._began = False

    def poll(self) -> list[StreamRecord]:
        """What is new, READ_RECORDS of each shard at most."""
        if time.monotonic() >= self._discover_at_seconds:
            self._discover()
        return [record for shard in list(self._iterators) for record in self._read(shard)]

    def _discover(self) -> None:
        for shard in self._shards.listing().shards:
            if shard.name not in self._iterators:
                # A shard that came later is the child of one that was read: nothing in it is older.
                place = self._shards.iterator(shard.name, None) if self._began else self._shards.end(shard.name)
                self._iterators[shard.name] = place
        self._began = True
        self._discover_at_seconds = time.monotonic() + DISCOVER_SECONDS

    def _read(self, shard: str) -> tuple[StreamRecord, ...]:
        iterator = self._iterators[shard]
        if iterator is None:  # at its end
            return ()
        try:
            page = self._shards.read(shard, iterator, READ_RECORDS)
        except (StaleIterator, Gone):
            self._iterators.pop(shard)
            self._discover_at_seconds = 0.0
            return ()
        self._iterators[shard] = page.next_iterator
        return page.records
