"""One file of the outbox: entries of predictions in SQLite, oldest first. `queue.py` decides which file is current.

An entry is what one request or one turn of the event loop brought, as JSON with a checksum. Its offset is the count of
predictions up to and including it since the file was last empty, so that the depth is the difference of two offsets,
however long the queue is.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.outbox import idempotency as kept_responses
from server.outbox.idempotency import KeptResponse

PAGE_BYTES = 4_096
BUSY_SECONDS = 2.0
MAX_FILE_BYTES = 1 << 40
# The relay checkpoints SQLite's write-ahead log, with its fsyncs, and beyond the first length has it begin anew; an
# append does it only if the log is as long as the second: 67 MB.
LONG_LOG_PAGES, LONGEST_LOG_PAGES = 4_096, 16_384
# SQLite's message about a damaged schema quotes it: if that is no text, reading the message is what fails.
SQLITE_FAILURES = (sqlite3.Error, UnicodeDecodeError)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    end_offset INTEGER PRIMARY KEY,
    queued_at REAL NOT NULL,
    predictions INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS rejected (
    id INTEGER PRIMARY KEY,
    rejected_at REAL NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
);
"""
_APPEND = "INSERT INTO entries VALUES ((SELECT coalesce(max(end_offset), 0) FROM entries) + ?, ?, ?, ?, ?)"
_COLUMNS = "SELECT end_offset, queued_at, predictions, crc, body FROM entries"


@dataclass(frozen=True)
class Entry:
    """Predictions that were appended together; `end_offset` is their key."""

    end_offset: int
    queued_at: float
    predictions: int
    crc: int
    body: bytes

    @property
    def is_whole(self) -> bool:
        """True if the body still has the checksum it was written with."""
        # Of a damaged file even the types cannot be trusted.
        fits = isinstance(self.body, bytes) and isinstance(self.predictions, int) and isinstance(self.queued_at, float)
        return fits and 0 < self.predictions <= len(self.body) and zlib.crc32(self.body) == self.crc


@dataclass(frozen=True)
class FileStatus:
    """Depth in predictions, age of the oldest in seconds, rejected documents, bytes on disk."""

    depth: int
    oldest_age_seconds: float
    rejected: int
    bytes_on_disk: int


class OutboxFile:
    """A connection to one file, made if it is not there; any method may raise sqlite3.Error. Not for two threads."""

    def __init__(self, path: Path, max_bytes: int, sync: str) -> None:
        self.path = path
        self._max_responses_bytes = max_bytes // kept_responses.SHARE_OF_OUTBOX
        # One connection, handed from thread to thread under the outbox's lock.
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {sync}")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG_PAGES}")
            self._connection.execute(f"PRAGMA max_page_count = {max(max_bytes // PAGE_BYTES, 16)}")
            self._connection.executescript(_SCHEMA + kept_responses.SCHEMA)
        except SQLITE_FAILURES:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def append(self, queued_at: float, *entries: tuple[bytes, int], responses: Sequence[KeptResponse] = ()) -> None:
        """Commit entries, each with the count of its predictions, and the responses to keep: all or none."""
        rows = [(predictions, queued_at, predictions, zlib.crc32(body), body) for body, predictions in entries]
        if len(rows) == 1 and not responses:
            self._connection.execute(_APPEND, rows[0])
            return
        with self._transaction():
            self._connection.executemany(_APPEND, rows)
            if responses:
                kept_responses.keep(self._connection, responses, queued_at, self._max_responses_bytes)

    def response(self, request_id: str) -> KeptResponse | None:
        """The response that is kept under this id."""
        return kept_responses.find(self._connection, request_id, time.time())

    def oldest(self, predictions: int) -> list[Entry]:
        """The oldest entries, until they hold this many predictions; one at least, if there is any."""
        found, count = [], 0
        for row in self._connection.execute(f"{_COLUMNS} ORDER BY end_offset"):
            found.append(Entry(*row))
            count += found[-1].predictions
            if count >= predictions:
                break
        return found

    def acknowledge(self, end_offset: int, rejected: Sequence[tuple[str, bytes]]) -> None:
        """In one commit, keep what was rejected with its reason and delete every entry up to this offset."""
        now = time.time()
        with self._transaction():
            rows = [(now, reason, body) for reason, body in rejected]
            self._connection.executemany("INSERT INTO rejected (rejected_at, reason, body) VALUES (?, ?, ?)", rows)
            self._connection.execute("DELETE FROM entries WHERE end_offset <= ?", (end_offset,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:  # a full disk rolls back by itself
                self._connection.execute("ROLLBACK")
            raise

    def checkpoint_log(self) -> None:
        """Move what is committed from SQLite's log into the file, without anybody waiting for it, whatever they do.

        Where others append without a pause there is always something left, and the log never begins anew: it grows. A
        long one is therefore finished with them waiting, which takes little, for little is left.
        """
        _, log_pages, moved_pages = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if log_pages > LONG_LOG_PAGES and moved_pages < log_pages:
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def status(self) -> FileStatus:
        """Depth, age and sizes now."""
        one = self._connection.execute
        first = one("SELECT end_offset - predictions, queued_at FROM entries ORDER BY end_offset LIMIT 1").fetchone()
        before, queued_at = first or (0, time.time())
        (last,) = one("SELECT coalesce(max(end_offset), 0) FROM entries").fetchone()
        (rejected,) = one("SELECT count(*) FROM rejected").fetchone()
        wal = self.path.with_name(self.path.name + "-wal")
        sizes = [path.stat().st_size for path in (self.path, wal) if path.exists()]
        return FileStatus(last - before, max(time.time() - queued_at, 0.0), rejected, sum(sizes))


def salvage(path: Path) -> Iterator[Entry]:
    """Every entry of a damaged file that is still whole: from the front up to the damage, then from the back."""
    seen: set[int] = set()
    _pad_to_its_header(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        for order in ("ASC", "DESC"):
            for entry in _readable(connection, order):
                if entry.end_offset in seen:
                    break
                seen.add(entry.end_offset)
                if entry.is_whole:
                    yield entry
    finally:
        connection.close()


def _pad_to_its_header(path: Path) -> None:
    # SQLite reads nothing of a file shorter than its header says; with zeros for the lost end it reads the rest.
    with path.open("rb") as file:
        header = file.read(100)
    size = int.from_bytes(header[16:18]) * int.from_bytes(header[28:32])
    if header.startswith(b"SQLite format 3") and path.stat().st_size < size < MAX_FILE_BYTES:
        os.truncate(path, size)


def _readable(connection: sqlite3.Connection, order: str) -> Iterator[Entry]:
    try:
        for row in connection.execute(f"{_COLUMNS} ORDER BY end_offset {order}"):
            yield Entry(*row)
    except (*SQLITE_FAILURES, TypeError, OverflowError):
        return
