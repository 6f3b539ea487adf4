"""A sharded stream: its records, the raw reading of one shard at a time, and the leases that divide the shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tabular.errors import TabularError, Unavailable


@dataclass(frozen=True)
class StreamRecord:
    """One record read from a stream; `arrived_at` is the stream's own time, UTC.

    `stream` also says when the stream was made: a second one of the same name may number its records alike.
    """

    stream: str
    shard: str
    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: datetime


Keyed = tuple[str, bytes]
"""A record to put on a stream: its partition key, and its bytes."""


class StreamWriter(Protocol):
    """A stream to put records on."""

    def put(self, records: Sequence[Keyed]) -> None:
        """Put all records, in bulk; raises Unavailable, or Rejected for one that the stream never takes."""


class StaleIterator(TabularError):
    """The iterator is not valid: it expired, was trimmed, or belongs to another stream."""


class Gone(Unavailable):
    """The shard or the whole stream is not there (now)."""


@dataclass(frozen=True)
class Shard:
    """One shard as the stream lists it; `is_closed` once it takes no more records."""

    name: str
    parents: tuple[str, ...] = ()
    is_closed: bool = False


@dataclass(frozen=True)
class Listing:
    """A stream's shards; `stream` differs between two streams of one name, the second made after the first's end."""

    stream: str
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Page:
    """What one read of a shard gave; without a next iterator the shard is at its end."""

    records: tuple[StreamRecord, ...]
    next_iterator: str | None
    lag_milliseconds: int


class Shards(Protocol):
    """The raw reading of one stream. A shard iterator is a short-lived token; it is not worth keeping."""

    def listing(self) -> Listing:
        """The stream as it is now; raises Unavailable."""

    def iterator(self, shard: str, after: str | None) -> str:
        """The iterator behind a sequence number, or at the oldest record; raises StaleIterator, Gone, Unavailable."""

    def end(self, shard: str) -> str:
        """The iterator behind all that is in the shard now; raises Gone, Unavailable."""

    def read(self, shard: str, iterator: str, limit: int) -> Page:
        """At most `limit` records from an iterator on; raises StaleIterator, Gone, Unavailable."""


@dataclass(frozen=True)
class Lease:
    """Who reads a shard, and how far it is processed; the fencing token goes up with each acquisition (0: none yet)."""

    owner: str | None
    fencing_token: int
    position: Mapping[str, Any] | None


class LeaseStore(Protocol):
    """The leases of a stream's shards, with the positions in them, and who is alive. Raises Unavailable."""

    def heartbeat(self, stream: str, name: str) -> None:
        """Write down that the consumer is alive: any number that differs from the last."""

    def heartbeats(self, stream: str) -> dict[str, int]:
        """The last heartbeat of every consumer that has not left, by its name."""

    def leave(self, stream: str, name: str, heartbeat: int | None = None) -> None:
        """Forget a consumer, if its last heartbeat is this one still or none is given."""

    def leases(self, stream: str) -> dict[str, Lease]:
        """Every lease, by shard."""

    def acquire(self, stream: str, shard: str, seen: Lease | None, owner: str) -> Lease | None:
        """Make it the owner's, under a new token, if it is still as it was seen; None if it is not."""

    def release(self, stream: str, shard: str, owner: str, token: int) -> None:
        """Give it up, if it is still held."""

    def save_positions(
        self, stream: str, owner: str, tokens: Mapping[str, int], positions: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        """Save the position of each shard that the owner still holds under that token; returns these shards."""
