"""The raw reading of a sharded stream, one shard at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tabular.errors import TabularError, Unavailable
from tabular.ports.stores import StreamRecord


class StalePlace(TabularError):
    """The place to read from is not valid: it expired, was trimmed, or belongs to another stream."""


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
    """What one read of a shard gave; without a next place the shard is at its end."""

    records: tuple[StreamRecord, ...]
    next_place: str | None
    behind_milliseconds: int


class Shards(Protocol):
    """The raw reading of one stream. A place is a short-lived token; it is not worth keeping."""

    def listing(self) -> Listing:
        """The stream as it is now; raises Unavailable."""
        ...

    def place(self, shard: str, after: str | None) -> str:
        """The place behind a sequence number, or at the oldest record; raises StalePlace, Gone, Unavailable."""
        ...

    def read(self, shard: str, place: str, limit: int) -> Page:
        """At most `limit` records from a place on; raises StalePlace, Gone, Unavailable."""
        ...
