"""Which shards are this consumer's: leases in the store, so that several consumers share one stream.

The algorithm is that of the Kinesis Client Library's leases and of the DynamoDB lock client: who holds a lease is
written down, every change is a conditional write against what was seen, and silence is judged by the watcher's own
monotonic clock, never by comparing wall clocks (awslabs/amazon-kinesis-client, DynamoDBLeaseTaker and
DynamoDBLeaseRenewer; awslabs/amazon-dynamodb-lock-client). Two things differ. A consumer beats once for all its
leases, as a session, and not once a lease. And nobody takes from the living: each knows its fair share from who is
alive, gives up what is over it between two batches, and takes what is free; so a newcomer costs no record twice.

What keeps two consumers from moving one shard is none of this but the condition on every checkpoint: the `term` of a
lease goes up with each taking, and a position is saved only under the term that the saver holds (a fencing token:
M. Kleppmann, "How to do distributed locking", 2016). A consumer that was paused past its lease is refused.
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

from server.stream.membership import Watch, fair_share
from server.stream.shard_reader import Position
from tabular.errors import InvalidSetting, TabularError
from tabular.ports.streams import Lease, LeaseStore
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

# Of the lease's time: the silence after which a consumer counts as dead, and how often each beats and looks. The rest
# is for the beat that was just missed and for the taking, so that a takeover ends within the lease's time.
PATIENCE = 0.75
BEAT = 0.1
LONGEST_BEAT_SECONDS = 1.0


class NameTaken(InvalidSetting):
    """Another consumer began under this one's name, and goes on in its place."""


@dataclass(frozen=True)
class _View:
    """What the store said last: every lease, and which consumers are alive."""

    leases: Mapping[str, Lease] = field(default_factory=dict)
    alive: frozenset[str] = frozenset()

    def is_free(self, shard: str, name: str) -> bool:
        """True if no other living consumer has it; a lease under one's own name is of one's earlier life."""
        lease = self.leases.get(shard)
        return lease is None or lease.owner is None or lease.owner == name or lease.owner not in self.alive


@dataclass(frozen=True)
class Standing:
    """How the shards are shared out, for the metrics."""

    held: int
    lost: int
    consumers: int
    without_owner: int


class Leases:
    """One consumer's leases on one stream. `beat` may run in a thread of its own; all else is for one thread."""

    def __init__(
        self,
        store: LeaseStore,
        stream: str,
        name: str,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._stream = stream
        self._name = name
        self._patience_seconds = PATIENCE * lease_seconds
        self.beating = BackgroundTask("leases", self.beat, min(BEAT * lease_seconds, LONGEST_BEAT_SECONDS))
        self._clock = clock
        self._watch = Watch(self._patience_seconds)
        self._beating = threading.Lock()
        self._current_until = float("-inf")
        self._view = _View()
        self._terms: dict[str, int] = {}
        self._positions: dict[str, Mapping[str, Any] | None] = {}
        self._without_owner = 0
        self._lost = 0

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Beat in the background for the length of a `with` block, then hand every lease over."""
        ended = threading.Event()
        thread = self.beating.start(ended)
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._leave()

    def beat(self) -> None:
        """Show the others that this consumer is alive, and look who else is; raises Unavailable."""
        with self._beating:
            began = self._clock()
            self._store.beat(self._stream, self._name)
            beats = self._store.beats(self._stream)
            leases = self._store.leases(self._stream)
            alive = self._watch.alive(beats, self._clock())
            self._view = _View(leases, frozenset(alive | {self._name}))
            self._current_until = began + self._patience_seconds
            for name in beats.keys() - self._view.alive:
                log.warning("consumer %s is silent: its shards are free", name)
                self._store.leave(self._stream, name, beats[name])

    def claim(self, shards: Sequence[str]) -> dict[str, int]:
        """Of the shards that can be read now those that are this consumer's, with the term of each lease.

        Raises Unavailable if the store cannot be asked, and NameTaken when another has the same name.
        """
        self._refresh()
        view = self._view
        share = fair_share(len(shards), view.alive, self._name)
        surplus = [shard for shard in self._terms if shard not in shards]
        surplus += [shard for shard in self._terms if shard in shards][share:]
        for shard in surplus:
            self._release(shard)
        free = [shard for shard in shards if shard not in self._terms and view.is_free(shard, self._name)]
        # In another order than the other consumers, who look at the same list.
        for shard in random.sample(free, len(free)):
            if len(self._terms) < share:
                self._take(shard, view.leases.get(shard))
        self._without_owner = sum(shard not in self._terms for shard in free)
        return dict(self._terms)

    def saved(self, shard: str) -> Mapping[str, Any] | None:
        """How far a shard is dealt with: what was read with the lease, or seen last of another's."""
        if shard in self._terms:
            return self._positions[shard]
        lease = self._view.leases.get(shard)
        return None if lease is None else lease.position

    def are_held(self, shards: Collection[str]) -> bool:
        """True if all of these are still this consumer's; asks the store if it has not for long. Raises Unavailable."""
        self._refresh()
        return self._terms.keys() >= set(shards)

    def save(self, positions: Mapping[str, Position]) -> list[str]:
        """Save positions, each only if its lease is still held; returns the shards that were lost instead."""
        given = {shard: msgspec.structs.asdict(position) for shard, position in positions.items()}
        terms = {shard: self._terms[shard] for shard in given if shard in self._terms}
        kept = self._store.save_positions(self._stream, self._name, terms, given)
        for shard in kept:
            self._positions[shard] = given[shard]
        lost = sorted(given.keys() - kept)
        for shard in lost:
            self._lose(shard)
        return lost

    def standing(self) -> Standing:
        """How the shards are shared out, as far as this consumer knows."""
        return Standing(len(self._terms), self._lost, len(self._view.alive), self._without_owner)

    def _refresh(self) -> None:
        if self._clock() >= self._current_until:
            self.beat()
        for shard, term in list(self._terms.items()):
            seen = self._view.leases.get(shard)
            # A lower term is of a look from before the taking.
            if seen is None or seen.term < term or (seen.term == term and seen.owner == self._name):
                continue
            if seen.owner == self._name:
                raise NameTaken(
                    f"another consumer of {self._stream} began under the name {self._name}, and the later one goes on: "
                    "give each a CONSUMER_NAME of its own"
                )
            self._lose(shard)

    def _take(self, shard: str, seen: Lease | None) -> None:
        taken = self._store.take(self._stream, shard, seen, self._name)
        if taken is not None:
            before = "nobody" if seen is None or seen.owner is None else seen.owner
            log.info("shard %s: taken from %s", shard, before)
            self._terms[shard], self._positions[shard] = taken.term, taken.position

    def _release(self, shard: str) -> None:
        self._store.release(self._stream, shard, self._name, self._terms[shard])
        log.info("shard %s: handed over", shard)
        self._terms.pop(shard)

    def _lose(self, shard: str) -> None:
        log.warning("shard %s: another consumer has taken it, because this one was silent", shard)
        self._terms.pop(shard, None)
        self._lost += 1

    def _leave(self) -> None:
        try:
            for shard in list(self._terms):
                self._release(shard)
            self._store.leave(self._stream, self._name)
        except TabularError as error:
            log.warning("cannot hand the shards over: %s; others take them when the leases expire", error)
