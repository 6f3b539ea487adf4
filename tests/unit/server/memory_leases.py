"""A store of leases in memory that can be cut off, and consumers around it on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.stream.leases import Leases
from server.stream.shard_reader import Position
from tabular.errors import Unavailable
from tabular.ports.streams import Lease

LEASE_SECONDS = 10.0
SHARDS = [f"shard-{at}" for at in range(8)]


@dataclass
class MemoryLeases:
    """The conditional writes of `LeaseStore`, in a dictionary."""

    table: dict[str, Lease] = field(default_factory=dict)
    alive: dict[str, int] = field(default_factory=dict)
    heartbeats_sent: int = 0
    is_down: bool = False

    def heartbeat(self, _stream: str, name: str) -> None:
        self._check_up()
        self.heartbeats_sent += 1
        self.alive[name] = self.heartbeats_sent

    def heartbeats(self, _stream: str) -> dict[str, int]:
        self._check_up()
        return dict(self.alive)

    def leave(self, _stream: str, name: str, heartbeat: int | None = None) -> None:
        self._check_up()
        if heartbeat is None or self.alive.get(name) == heartbeat:
            self.alive.pop(name, None)

    def leases(self, _stream: str) -> dict[str, Lease]:
        self._check_up()
        return dict(self.table)

    def acquire(self, _stream: str, shard: str, seen: Lease | None, owner: str) -> Lease | None:
        self._check_up()
        now = self.table.get(shard)
        if _version(now) != _version(seen):
            return None
        self.table[shard] = Lease(owner, now.fencing_token + 1 if now else 1, now.position if now else None)
        return self.table[shard]

    def release(self, _stream: str, shard: str, owner: str, token: int) -> None:
        self._check_up()
        if self._is_held(shard, owner, token):
            self.table[shard] = Lease(None, token, self.table[shard].position)

    def save_positions(
        self, _stream: str, owner: str, tokens: Mapping[str, int], positions: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        self._check_up()
        kept = {shard for shard, token in tokens.items() if self._is_held(shard, owner, token)}
        self.table |= {shard: Lease(owner, tokens[shard], positions[shard]) for shard in kept}
        return kept

    def _is_held(self, shard: str, owner: str, token: int) -> bool:
        now = self.table.get(shard)
        return now is not None and (now.owner, now.fencing_token) == (owner, token)

    def _check_up(self) -> None:
        if self.is_down:
            raise Unavailable("the store", "it is down")


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
        return [self.store.table[shard].owner for shard in self.shards]

    def leave(self, name: str) -> None:
        with self.consumers.pop(name).running():
            pass


def at(number: int) -> Position:
    return Position("s@1", str(number))


def _version(lease: Lease | None) -> tuple[str | None, int] | None:
    return None if lease is None else (lease.owner, lease.fencing_token)
