"""A reader over a stream in memory, and what it reads."""

from __future__ import annotations

import msgspec

from server.stream.shard_reader import Position, ShardReader
from tests.adapters.memory.shards import MemoryStream


def start(stream: MemoryStream, saved: dict[str, Position] | None = None) -> ShardReader:
    known = {} if saved is None else saved
    return ShardReader(stream, lambda shard: msgspec.to_builtins(known[shard]) if shard in known else None, 0.0)


def drain(reader: ShardReader, saved: dict[str, Position] | None = None, limit: int = 7, polls: int = 40):
    found = []
    for _ in range(polls):
        batch = reader.poll(limit)
        found += batch.records
        if saved is not None:
            saved.update(batch.positions)
    return found
