"""Which shard to read next, from where, and what to remember: a sharded stream in order, over the port `Shards`.

A shard is read from its checkpoint, or from its oldest record. When shards are split or merged, the children are read
after every parent that is still listed was read to its end, here or by another reader. Nothing here moves a checkpoint:
the reader hands over the positions with the records, to be saved once those are processed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tabular.errors import Unavailable
from tabular.ports.streams import Gone, Page, Shard, Shards, StaleIterator, StreamRecord

log = logging.getLogger(__name__)

DISCOVER_SECONDS = 10.0
FULL_BATCH_BYTES = 5_000_000
"""With as much data a batch takes up no further shard."""
READ_BYTES = 2_000_000
"""What a read is meant to bring, by the size of the records that came last; Kinesis ends it at ten megabytes."""


class Position(msgspec.Struct, frozen=True):
    """How far a shard of a stream is processed: behind a sequence number, and perhaps to its end."""

    stream: str
    sequence_number: str | None
    is_finished: bool = False


@dataclass(frozen=True)
class Batch:
    """Records in order within each shard, and the positions to save once they are processed, by shard."""

    records: list[StreamRecord] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """How much data the records hold."""
        return sum(len(record.data) for record in self.records)


Acquire = Callable[[Sequence[str]], Mapping[str, int]]
"""Of the shards that can be read now, those to read, with their fencing tokens: a new token begins anew."""


@dataclass
class _Cursor:
    shard: Shard
    fencing_token: int
    after: str | None = None
    iterator: str | None = None
    lag_milliseconds: int = 0


def all_shards(shards: Sequence[str]) -> dict[str, int]:
    """What one acquires that reads alone."""
    return dict.fromkeys(shards, 0)


class ShardReader:
    """Reads the acquired shards of a stream, from where `load` says if it does. Not for several threads."""

    def __init__(
        self,
        shards: Shards,
        load: Callable[[str], Mapping[str, Any] | None],
        discover_seconds: float = DISCOVER_SECONDS,
        acquire: Acquire = all_shards,
    ) -> None:
        self._shards = shards
        self._load = load
        self._acquire = acquire
        self._discover_seconds = discover_seconds
        self._stream = ""
        self._listed: tuple[Shard, ...] = ()
        self._finished: set[str] = set()
        self._cursors: dict[str, _Cursor] = {}
        self._discover_at = 0.0
        self._turn = 0
        self._record_bytes = 0

    def poll(self, limit: int) -> Batch:
        """At most `limit` records from the shards that may be read now; empty if there is nothing new.

        Raises Unavailable only when nothing could be read.
        """
        batch = Batch()
        try:
            self._refresh()
            for cursor in self._in_turn():
                if len(batch.records) < limit and batch.size_bytes < FULL_BATCH_BYTES:
                    self._read_into(batch, cursor, limit - len(batch.records))
        except Unavailable:
            self._discover_at = 0.0  # whatever it was, the stream may be another one afterwards
            if not batch.positions:
                raise
        return batch

    def lag_milliseconds(self) -> dict[str, int]:
        """How old the next unread record of each shard is that is read here; 0 when there is none."""
        return {name: cursor.lag_milliseconds for name, cursor in self._cursors.items()}

    def forget(self, shards: Iterable[str]) -> None:
        """Read these from their saved positions again."""
        for shard in shards:
            self._cursors.pop(shard, None)
            self._finished.discard(shard)

    def _refresh(self) -> None:
        """The listing, if it is due, and the shards to read.

        An iterator is requested only under a listing of just now: behind a stale one there may be another stream of the
        same name, whose records would pass for those of the earlier one, and be processed again under their own name.
        """
        is_due = time.monotonic() >= self._discover_at
        if is_due:
            self._discover()
        self._reconcile()
        if not is_due and any(cursor.iterator is None for cursor in self._cursors.values()):
            self._discover()
            self._reconcile()

    def _in_turn(self) -> list[_Cursor]:
        """The shards to read, another one first each time: a busy shard must not starve the others."""
        cursors = list(self._cursors.values())
        self._turn = (self._turn + 1) % max(len(cursors), 1)
        return cursors[self._turn :] + cursors[: self._turn]

    def _discover(self) -> None:
        listing = self._shards.listing()
        if listing.stream != self._stream:
            if self._stream:
                log.warning("the stream was made anew: reading it from its oldest record")
            self._stream, self._cursors, self._finished = listing.stream, {}, set()
        self._listed = listing.shards
        self._finished.intersection_update(shard.name for shard in listing.shards)
        self._discover_at = time.monotonic() + self._discover_seconds

    def _reconcile(self) -> None:
        """Open the shards that are acquired, and close the others."""
        unread = {shard.name: shard for shard in self._listed if not self._is_finished(shard.name)}
        readable = [name for name, shard in unread.items() if not unread.keys() & shard.parents]
        acquired = self._acquire(readable)
        cursors = [(name, self._cursors.get(name), acquired[name]) for name in readable if name in acquired]
        self._cursors = {
            name: cursor if cursor and cursor.fencing_token == token else self._opened(unread[name], token)
            for name, cursor, token in cursors
        }
        for name, cursor in self._cursors.items():
            cursor.shard = unread[name]

    def _is_finished(self, shard: str) -> bool:
        if shard in self._finished:
            return True
        if shard in self._cursors:
            return False
        position = self._saved(shard)
        if isinstance(position, Position) and position.is_finished:
            self._finished.add(shard)
            return True
        return False

    def _opened(self, shard: Shard, token: int) -> _Cursor:
        position = self._saved(shard.name)
        if isinstance(position, str):
            log.warning("shard %s: its checkpoint %s and does not count", shard.name, position)
        after = position.sequence_number if isinstance(position, Position) else None
        log.info("shard %s: reading %s", shard.name, f"after {after}" if after else "all of it")
        return _Cursor(shard, token, after)

    def _saved(self, shard: str) -> Position | str | None:
        """The position saved for the shard, or why it does not count."""
        saved = self._load(shard)
        if saved is None:
            return None
        try:
            position = msgspec.convert(saved, Position)
        except msgspec.ValidationError as error:
            return f"cannot be read ({error})"
        return position if position.stream == self._stream else "is of an earlier stream of this name"

    def _read_into(self, batch: Batch, cursor: _Cursor, limit: int) -> None:
        try:
            if cursor.iterator is None:
                cursor.iterator = self._iterator(cursor)
            page = self._shards.read(cursor.shard.name, cursor.iterator, self._affordable(limit))
        except StaleIterator:
            log.info("shard %s: the iterator expired; requesting a new one", cursor.shard.name)
            cursor.iterator = None
            return
        except Gone:  # some emulators drop a shard once it is split or merged
            log.warning("shard %s is not there any more; listing the stream again", cursor.shard.name)
            cursor.iterator, self._discover_at = None, 0.0
            return
        self._append(batch, cursor, page)

    def _affordable(self, limit: int) -> int:
        # A response takes several times the memory of the records in it.
        return max(1, min(limit, READ_BYTES // max(self._record_bytes, 1)))

    def _iterator(self, cursor: _Cursor) -> str:
        if cursor.after is not None:
            try:
                return self._shards.iterator(cursor.shard.name, cursor.after)
            except StaleIterator:
                log.warning(
                    "shard %s: the stream does not know record %s any more, so records may have been trimmed before "
                    "they were read; going on with the oldest. Keep records longer, or the consumer running",
                    cursor.shard.name,
                    cursor.after,
                )
        return self._shards.iterator(cursor.shard.name, None)

    def _append(self, batch: Batch, cursor: _Cursor, page: Page) -> None:
        cursor.iterator = page.next_iterator
        cursor.lag_milliseconds = page.lag_milliseconds
        if page.records:
            cursor.after = page.records[-1].sequence_number
            batch.records.extend(page.records)
            self._record_bytes = sum(len(record.data) for record in page.records) // len(page.records)
        # Kinesis ends a closed shard with no next iterator; an emulator may only list it as closed.
        is_exhausted = cursor.shard.is_closed and not page.records and page.lag_milliseconds == 0
        is_finished = page.next_iterator is None or is_exhausted
        if is_finished:
            self._finished.add(cursor.shard.name)
            self._cursors.pop(cursor.shard.name)
            self._discover_at = 0.0
            log.info("shard %s: read to its end", cursor.shard.name)
        if page.records or is_finished:
            batch.positions[cursor.shard.name] = Position(self._stream, cursor.after, is_finished)
