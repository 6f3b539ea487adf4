"""Numbered records for a stream, and readers that find them again."""

from __future__ import annotations

from server.stream.shard_reader import Position, ShardReader
from tabular.adapters.kinesis.shards import KinesisShards

REGION = "us-east-1"


def records(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    return [(f"key-{number}", str(number).encode()) for number in range(start, start + count)]


def reader(stream: str, url: str, saved: dict[str, Position] | None = None) -> ShardReader:
    known = {} if saved is None else saved

    def load(shard):
        position = known.get(shard)
        return position and {name: getattr(position, name) for name in Position.__struct_fields__}

    return ShardReader(KinesisShards(stream, url, REGION), load, discover_seconds=0.0)


def read_all(source: ShardReader, saved: dict[str, Position] | None = None, limit: int = 500):
    """Read until three polls in a row find nothing, saving positions as the consumer does."""
    found, idle = [], 0
    while idle < 3:
        batch = source.poll(limit)
        assert len(batch.records) <= limit
        found += batch.records
        if saved is not None:
            saved.update(batch.positions)
        idle = 0 if batch.positions else idle + 1
    return found


def numbers(found) -> list[int]:
    return sorted(int(record.data) for record in found)
