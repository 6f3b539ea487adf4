"""Which shards are this consumer's: leases in the store, so that several consumers share one stream.

The algorithm is that of the Kinesis Client Library's leases and of the DynamoDB lock client: who holds a lease is
written down, every change is a conditional write against what was seen, and silence is measured by the observer's own
monotonic clock, never by comparing wall clocks (awslabs/amazon-kinesis-client, DynamoDBLeaseTaker and
DynamoDBLeaseRenewer; awslabs/amazon-dynamodb-lock-client). Two things differ. A consumer sends one heartbeat for all
its leases, as a session, and not one a lease. And no lease is taken from a live consumer: each computes its quota from
who is alive, releases what is over it between two batches, and acquires what is free; so a new one repeats no record.

What keeps two consumers from moving one shard is none of this but the condition on every checkpoint: the fencing
token of a lease goes up with each acquisition, and a position is saved only under the token that the saver holds
(M. Kleppmann, "How to do distributed locking", 2016). A consumer that was paused past its lease is rejected.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from server.stream.membership import Liveness, quota
from server.stream.shard_reader import Position
from tabular.errors import InvalidSetting, TabularError
from tabular.ports.streams import Lease, LeaseStore
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

# Of the lease's time: the silence after which a consumer counts as dead, and how often each sends a heartbeat and
# checks the others. The rest is for the heartbeat just missed and for acquiring, so that a takeover is in time.
TIMEOUT_FRACTION = 0.75
HEARTBEAT_FRACTION = 0.1
MAX_HEARTBEAT_SECONDS = 1.0


class NameTaken(InvalidSetting):
    """Another consumer began under this one's name, and goes on in its place."""


@dataclass(frozen=True)
class _Snapshot:
    """What the store said last: every lease, and which consumers are alive."""

    leases: Mapping[str, Lease] = field(default_factory=dict)
    alive: frozenset[str] = frozenset()

    def is_free(self, shard: str, name: str) -> bool:
        """True if no other living consumer has it; a lease under its own name is of this consumer's earlier life."""
        lease = self.leases.get(shard)
        return lease is None or lease.owner is None or lease.owner == name or lease.owner not in self.alive


@dataclass(frozen=True)
class LeaseSummary:
    """How the shards are distributed, for the metrics."""

    held: int
    lost: int
    consumers: int
    without_owner: int


class Leases:
    """One consumer's leases on one stream. `heartbeat` may run in a thread of its own; all else is for one thread."""

    def __init__(
        self,
        store: LeaseStore,
        stream: str,
        name: str,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        task: str = "leases",
    ) -> None:
        self._store = store
        self._stream = stream
        self._name = name
        self._timeout_seconds = TIMEOUT_FRACTION * lease_seconds
        interval_seconds = min(HEARTBEAT_FRACTION * lease_seconds, MAX_HEARTBEAT_SECONDS)
        self.heartbeat_task = BackgroundTask(task, self.heartbeat, interval_seconds)
        self._clock = clock
        self._liveness = Liveness(self._timeout_seconds)
        self._heartbeat_lock = threading.Lock()
        self._current_until = float("-inf")
        self._snapshot = _Snapshot()
        self._tokens: dict[str, int] = {}
        self._positions: dict[str, Mapping[str, Any] | None] = {}
        self._without_owner = 0
        self._lost = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send heartbeats in the background for the length of a `with` block, then release every lease."""
        ended = threading.Event()
        thread = self.heartbeat_task.start(ended)
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._leave()

    def heartbeat(self) -> None:
        """Show the others that this consumer is alive, and check who else is; raises Unavailable."""
        with self._heartbeat_lock:
            began = self._clock()
            self._store.heartbeat(self._stream, self._name)
            heartbeats = self._store.heartbeats(self._stream)
            leases = self._store.leases(self._stream)
            alive = self._liveness.alive(heartbeats, self._clock())
            self._snapshot = _Snapshot(leases, frozenset(alive | {self._name}))
            self._current_until = began + self._timeout_seconds
            for name in heartbeats.keys() - self._snapshot.alive:
                log.warning("consumer %s sent no heartbeat: its shards are free", name)
                self._store.leave(self._stream, name, heartbeats[name])

    def acquire(self, shards: Sequence[str]) -> dict[str, int]:
        """Of the shards that can be read now those that are this consumer's, with the token of each lease.

        Raises Unavailable if the store cannot be reached, and NameTaken when another has the same name.
        """
        self._refresh()
        snapshot = self._snapshot
        share = quota(len(shards), snapshot.alive, self._name)
        surplus = [shard for shard in self._tokens if shard not in shards]
        surplus += [shard for shard in self._tokens if shard in shards][share:]
        for shard in surplus:
            self._release(shard)
        free = [shard for shard in shards if shard not in self._tokens and snapshot.is_free(shard, self._name)]
        # In another order than the other consumers, which have the same list.
        for shard in random.sample(free, len(free)):
            if len(self._tokens) < share:
                self._acquire(shard, snapshot.leases.get(shard))
        self._without_owner = sum(shard not in self._tokens for shard in free)
        return dict(self._tokens)

    def saved(self, shard: str) -> Mapping[str, Any] | None:
        """How far a shard is processed: what was read with the lease, or seen last of another's."""
        if shard in self._tokens:
            return self._positions[shard]
        lease = self._snapshot.leases.get(shard)
        return None if lease is None else lease.position

    def are_held(self, shards: Collection[str]) -> bool:
        """True if all of these are still this consumer's; reads the store if that is due. Raises Unavailable."""
        self._refresh()
        return self._tokens.keys() >= set(shards)

    def save(self, positions: Mapping[str, Position]) -> list[str]:
        """Save positions, each only if its lease is held; returns the shards that were lost. Raises Unavailable."""
        given = {shard: msgspec.structs.asdict(position) for shard, position in positions.items()}
        tokens = {shard: self._tokens[shard] for shard in given if shard in self._tokens}
        kept = self._store.save_positions(self._stream, self._name, tokens, given)
        for shard in kept:
            self._positions[shard] = given[shard]
        lost = sorted(given.keys() - kept)
        for shard in lost:
            self._lose(shard)
        return lost

    def summary(self) -> LeaseSummary:
        """How the shards are distributed, as far as this consumer knows."""
        return LeaseSummary(len(self._tokens), self._lost, len(self._snapshot.alive), self._without_owner)

    def _refresh(self) -> None:
        if self._clock() >= self._current_until:
            self.heartbeat()
        for shard, token in list(self._tokens.items()):
            seen = self._snapshot.leases.get(shard)
            # A lower token is of a check from before this consumer acquired it.
            if seen is None or seen.fencing_token < token or (seen.fencing_token == token and seen.owner == self._name):
                continue
            if seen.owner == self._name:
                raise NameTaken(
                    f"another consumer of {self._stream} began under the name {self._name}, and the later one goes on: "
                    "give each a CONSUMER_NAME of its own"
                )
            self._lose(shard)

    def _acquire(self, shard: str, seen: Lease | None) -> None:
        lease = self._store.acquire(self._stream, shard, seen, self._name)
        if lease is not None:
            before = "nobody" if seen is None or seen.owner is None else seen.owner
            log.info("shard %s: acquired from %s", shard, before)
            self._tokens[shard], self._positions[shard] = lease.fencing_token, lease.position

    def _release(self, shard: str) -> None:
        self._store.release(self._stream, shard, self._name, self._tokens[shard])
        log.info("shard %s: released", shard)
        self._tokens.pop(shard)

    def _lose(self, shard: str) -> None:
        log.warning("shard %s: another consumer has acquired it, because this one sent no heartbeat", shard)
        self._tokens.pop(shard, None)
        self._lost += 1

    def _leave(self) -> None:
        try:
            for shard in list(self._tokens):
                self._release(shard)
            self._store.leave(self._stream, self._name)
        except TabularError as error:
            log.warning("cannot release the shards: %s; others acquire them when the leases expire", error)
