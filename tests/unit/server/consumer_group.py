"""Consumers around a store of leases in memory, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.stream.leases import Leases
from server.stream.shard_reader import Position
from tests.adapters.memory.leases import MemoryLeases

LEASE_SECONDS = 10.0
SHARDS = [f"shard-{at}" for at in range(8)]


@dataclass
class ConsumerGroup:
    """Consumers around one store and one clock; `pass_time` lets those heartbeat and acquire that are awake."""

    store: MemoryLeases = field(default_factory=MemoryLeases)
    now: float = 1_000.0
    consumers: dict[str, Leases] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    shards: list[str] = field(default_factory=lambda: list(SHARDS))

    def join(self, name: str) -> Leases:
        self.consumers[name] = Leases(self.store, "s", name, LEASE_SECONDS, lambda: self.now)
        return self.consumers[name]

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            for name, consumer in self.consumers.items():
                if name not in self.paused:
                    consumer.heartbeat()
                    consumer.acquire(self.shards)

    def held(self) -> dict[str, int]:
        """How many leases each has by its own word."""
        return {name: consumer.summary().held for name, consumer in self.consumers.items()}

    def owners(self) -> list[str | None]:
        return [self.store.table["s", shard].owner for shard in self.shards]

    def leave(self, name: str) -> None:
        with self.consumers.pop(name).running():
            pass


def at(number: int) -> Position:
    return Position("s@1", str(number))
