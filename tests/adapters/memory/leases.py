"""The port `LeaseStore` in memory: its conditional writes, in dictionaries, and a switch to be down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tabular.errors import Unavailable
from tabular.ports.streams import Lease


@dataclass
class MemoryLeases:
    """The leases by stream and shard, the last heartbeats by stream and consumer; `is_down` makes every call fail."""

    table: dict[tuple[str, str], Lease] = field(default_factory=dict)
    alive: dict[tuple[str, str], int] = field(default_factory=dict)
    heartbeats_sent: int = 0
    is_down: bool = False

    def heartbeat(self, stream: str, name: str) -> None:
        self._check_up()
        self.heartbeats_sent += 1
        self.alive[stream, name] = self.heartbeats_sent

    def heartbeats(self, stream: str) -> dict[str, int]:
        self._check_up()
        return {name: last for (of, name), last in self.alive.items() if of == stream}

    def leave(self, stream: str, name: str, heartbeat: int | None = None) -> None:
        self._check_up()
        if heartbeat is None or self.alive.get((stream, name)) == heartbeat:
            self.alive.pop((stream, name), None)

    def leases(self, stream: str) -> dict[str, Lease]:
        self._check_up()
        return {shard: lease for (of, shard), lease in self.table.items() if of == stream}

    def acquire(self, stream: str, shard: str, seen: Lease | None, owner: str) -> Lease | None:
        self._check_up()
        now = self.table.get((stream, shard))
        if _version(now) != _version(seen):
            return None
        self.table[stream, shard] = Lease(owner, now.fencing_token + 1 if now else 1, now.position if now else None)
        return self.table[stream, shard]

    def release(self, stream: str, shard: str, owner: str, token: int) -> None:
        self._check_up()
        if self._is_held(stream, shard, owner, token):
            self.table[stream, shard] = Lease(None, token, self.table[stream, shard].position)

    def save_positions(
        self, stream: str, owner: str, tokens: Mapping[str, int], positions: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        self._check_up()
        kept = {shard for shard, token in tokens.items() if self._is_held(stream, shard, owner, token)}
        self.table |= {(stream, shard): Lease(owner, tokens[shard], positions[shard]) for shard in kept}
        return kept

    def _is_held(self, stream: str, shard: str, owner: str, token: int) -> bool:
        now = self.table.get((stream, shard))
        return now is not None and (now.owner, now.fencing_token) == (owner, token)

    def _check_up(self) -> None:
        if self.is_down:
            raise Unavailable("the store", "it is down")


def _version(lease: Lease | None) -> tuple[str | None, int] | None:
    return None if lease is None else (lease.owner, lease.fencing_token)
