"""The port `Shards` in memory: a stream that closes shards the way Kinesis documents it.

The emulators do not: ministack forgets a split shard with what is unread in it, moto puts records on closed shards.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tabular.errors import Unavailable
from tabular.ports.streams import Gone, Listing, Page, Shard, StaleIterator, StreamRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class MemoryStream:
    """Shards of numbered records; an iterator is "name/shard:index". A closed shard ends without a next iterator."""

    name: str = "s@1"
    shards: dict[str, Shard] = field(default_factory=dict)
    records: dict[str, list[StreamRecord]] = field(default_factory=dict)
    trimmed: dict[str, int] = field(default_factory=dict)
    numbered: int = 0
    is_down: bool = False

    def add(self, name: str, *parents: str) -> None:
        for parent in parents:
            self.shards[parent] = replace(self.shards[parent], is_closed=True)
        self.shards[name], self.records[name] = Shard(name, parents), []

    def put(self, shard: str, count: int) -> None:
        assert not self.shards[shard].is_closed
        for _ in range(count):
            self.numbered += 1
            record = StreamRecord(self.name, shard, f"{self.numbered:09d}", "key", str(self.numbered).encode(), NOON)
            self.records[shard].append(record)

    def listing(self) -> Listing:
        if self.is_down:
            raise Unavailable("stream", "it is down")
        return Listing(self.name, tuple(self.shards.values()))

    def iterator(self, shard: str, after: str | None) -> str:
        if shard not in self.shards:
            raise Gone("stream", shard)
        known = [record.sequence_number for record in self.records[shard]]
        if after is None:
            return f"{self.name}/{shard}:{self.trimmed.get(shard, 0)}"
        if after not in known or known.index(after) + 1 < self.trimmed.get(shard, 0):
            raise StaleIterator(after)
        return f"{self.name}/{shard}:{known.index(after) + 1}"

    def end(self, shard: str) -> str:
        return f"{self.name}/{shard}:{len(self.records[shard])}"

    def read(self, shard: str, iterator: str, limit: int) -> Page:
        if self.is_down:
            raise Unavailable("stream", "it is down")
        if shard not in self.shards:
            raise Gone("stream", shard)
        if not iterator.startswith(f"{self.name}/"):
            raise StaleIterator(iterator)
        start = int(iterator.rpartition(":")[2])
        found = tuple(self.records[shard][start : start + limit])
        end = start + len(found)
        left = len(self.records[shard]) - end
        at_end = self.shards[shard].is_closed and not left
        return Page(found, None if at_end else f"{self.name}/{shard}:{end}", left)
