"""Which shard to read next, from where, and what to remember: a sharded stream in order, over the port `Shards`.

A shard is read from its checkpoint, or from its oldest record. When shards are split or merged, the children are read
after every parent that is still listed was read to its end. Nothing here moves a checkpoint: the reader hands over the
positions with the records, to be saved once those are dealt with.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from tabular.errors import TabularError, Unavailable
from tabular.ports import StreamRecord

log = logging.getLogger(__name__)

DISCOVER_SECONDS = 10.0


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


class Position(msgspec.Struct, frozen=True):
    """How far a shard of a stream is dealt with: behind a sequence number, and perhaps to its end."""

    stream: str
    sequence_number: str | None
    is_finished: bool = False


@dataclass(frozen=True)
class Batch:
    """Records in order within each shard, and the positions to save once they are dealt with, by shard."""

    records: list[StreamRecord] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)


@dataclass
class _Cursor:
    shard: Shard
    after: str | None = None
    is_finished: bool = False
    place: str | None = None
    behind_milliseconds: int = 0


class ShardReader:
    """Reads every shard of a stream; `load` gives the position saved for a shard, if any. Not for several threads."""

    def __init__(
        self,
        shards: Shards,
        load: Callable[[str], Mapping[str, Any] | None],
        discover_seconds: float = DISCOVER_SECONDS,
    ) -> None:
        self._shards = shards
        self._load = load
        self._discover_seconds = discover_seconds
        self._stream = ""
        self._cursors: dict[str, _Cursor] = {}
        self._readable: list[_Cursor] = []
        self._discover_at = 0.0
        self._turn = 0

    def poll(self, limit: int) -> Batch:
        """At most `limit` records from the shards that may be read now; empty if there is nothing new.

        Raises Unavailable only when nothing could be read.
        """
        batch = Batch()
        try:
            if time.monotonic() >= self._discover_at:
                self._discover()
            for cursor in self._in_turn():
                if len(batch.records) < limit:
                    self._read_into(batch, cursor, limit - len(batch.records))
        except Unavailable:
            self._discover_at = 0.0  # whatever it was, the stream may be another one afterwards
            if not batch.positions:
                raise
        return batch

    def behind_milliseconds(self) -> dict[str, int]:
        """How old the next unread record of each readable shard is; 0 when there is none."""
        return {cursor.shard.name: cursor.behind_milliseconds for cursor in self._readable}

    def _in_turn(self) -> list[_Cursor]:
        """The readable shards, another one first each time: a busy shard must not starve the others."""
        self._turn = (self._turn + 1) % max(len(self._readable), 1)
        return self._readable[self._turn :] + self._readable[: self._turn]

    def _discover(self) -> None:
        listing = self._shards.listing()
        if listing.stream != self._stream:
            if self._stream:
                log.warning("the stream was made anew: reading it from its oldest record")
            self._stream, self._cursors = listing.stream, {}
        self._cursors = {shard.name: self._cursor(shard) for shard in listing.shards}
        open_cursors = [cursor for cursor in self._cursors.values() if not cursor.is_finished]
        unread = {cursor.shard.name for cursor in open_cursors}
        self._readable = [cursor for cursor in open_cursors if not unread.intersection(cursor.shard.parents)]
        self._discover_at = time.monotonic() + self._discover_seconds

    def _cursor(self, shard: Shard) -> _Cursor:
        if (known := self._cursors.get(shard.name)) is not None:
            known.shard = shard
            return known
        position = self._saved(shard.name)
        log.info("shard %s: reading %s", shard.name, f"after {position.sequence_number}" if position else "all of it")
        if position is None:
            return _Cursor(shard)
        return _Cursor(shard, position.sequence_number, position.is_finished)

    def _saved(self, shard: str) -> Position | None:
        saved = self._load(shard)
        if saved is None:
            return None
        try:
            position = msgspec.convert(saved, Position)
        except msgspec.ValidationError as error:
            log.warning("shard %s: its checkpoint cannot be read (%s) and does not count", shard, error)
            return None
        if position.stream != self._stream:
            log.warning("shard %s: its checkpoint is of an earlier stream of this name and does not count", shard)
            return None
        return position

    def _read_into(self, batch: Batch, cursor: _Cursor, limit: int) -> None:
        try:
            if cursor.place is None:
                cursor.place = self._place(cursor)
            page = self._shards.read(cursor.shard.name, cursor.place, limit)
        except StalePlace:
            log.info("shard %s: the place expired; taking a new one", cursor.shard.name)
            cursor.place = None
            return
        except Gone:  # some emulators drop a shard once it is split or merged
            log.warning("shard %s is not there any more; looking at the stream again", cursor.shard.name)
            cursor.place, self._discover_at = None, 0.0
            return
        self._take(batch, cursor, page)

    def _place(self, cursor: _Cursor) -> str:
        if cursor.after is not None:
            try:
                return self._shards.place(cursor.shard.name, cursor.after)
            except StalePlace:
                log.warning(
                    "shard %s: the stream does not know record %s any more, so records may have been trimmed before "
                    "they were read; going on with the oldest. Keep records longer, or the consumer running",
                    cursor.shard.name,
                    cursor.after,
                )
        return self._shards.place(cursor.shard.name, None)

    def _take(self, batch: Batch, cursor: _Cursor, page: Page) -> None:
        cursor.place = page.next_place
        cursor.behind_milliseconds = page.behind_milliseconds
        if page.records:
            cursor.after = page.records[-1].sequence_number
            batch.records.extend(page.records)
        # Kinesis ends a closed shard with no next place; an emulator may only list it as closed.
        is_drained = cursor.shard.is_closed and not page.records and page.behind_milliseconds == 0
        if page.next_place is None or is_drained:
            cursor.is_finished, self._discover_at = True, 0.0
            self._readable = [other for other in self._readable if other is not cursor]
            log.info("shard %s: read to its end", cursor.shard.name)
        if page.records or cursor.is_finished:
            batch.positions[cursor.shard.name] = Position(self._stream, cursor.after, cursor.is_finished)
