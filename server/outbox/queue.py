"""The durable queue between serving and the store: what is appended here survives the death of any process.

    <folder>/lock                 holds the number of the current file; whoever writes, holds this lock
    <folder>/outbox-000001.sqlite the queue. A damaged file is left as it is and the next number begins: a file that
                                  others have open cannot be renamed, SQLite would delete its successor's log by name
    <folder>/relay.lock           held by the one relay process (server/outbox/relay_process.py)

Every worker of a machine shares the folder. `kill -9` loses nothing that `append` returned from, in either mode of
`sync`; loss of power loses nothing in mode "full" and the last moments before it in mode "normal".
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from server.outbox import idempotency as kept_responses
from server.outbox.idempotency import KeptResponse
from server.outbox.sqlite_file import SQLITE_FAILURES, Entry, FileStatus, OutboxFile, salvage
from tabular.errors import Unavailable
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.label import LabelBatch
from tabular.predictions.prediction import Prediction

log = logging.getLogger(__name__)

Sync = Literal["normal", "full"]
Result = TypeVar("Result")

OUTBOX = "the outbox"
LOCK_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.0002
LONGEST_PAUSE_SECONDS = 0.005
RETRY_AFTER_SECONDS = 5.0
# The last two: our statements are right, so if one fails the tables are not.
DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH})


class Damaged(Exception):
    """The file does not hold what was written into it."""


# A value of a type that was never written makes a TypeError wherever it is used; for the last see SQLITE_FAILURES.
SIGNS_OF_DAMAGE = (Damaged, TypeError, UnicodeDecodeError)


@dataclass(frozen=True)
class OutboxStatus:
    """What waits in the current file, and how many damaged files were set aside."""

    current: FileStatus
    set_aside: int


class Outbox:
    """The queue of one machine; share one among threads, open one a process. Raises Unavailable, never loses silently.

    `max_bytes` bounds the file: beyond it, `append` raises Unavailable rather than filling the disk.
    """

    def __init__(self, folder: Path, max_bytes: int, sync: Sync) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._sync = sync
        self._mutex = threading.Lock()
        self._file: OutboxFile | None = None
        self._number = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(OUTBOX, f"{error}. Check STATE_DIR", RETRY_AFTER_SECONDS) from error
        self.status()

    def append(self, *groups: Sequence[Prediction] | PredictionBatch | LabelBatch) -> None:
        """Commit predictions and labels, each argument as an entry, all or none. Raises Unavailable if they are not."""
        encoded = [(msgspec.json.encode(group), len(group)) for group in groups]
        self._run(lambda file: file.append(time.time(), *encoded))

    def append_keyed(
        self, predictions: Sequence[Prediction], given: Sequence[KeptResponse]
    ) -> Mapping[str, KeptResponse]:
        """Commit predictions of which some have responses to be kept, each of these only if it is the first of its id.

        Returns by id the response that stands, whichever worker gave it; raises Unavailable.
        """

        def write(file: OutboxFile) -> Mapping[str, KeptResponse]:
            standing, fresh, kept = kept_responses.resolved(predictions, given, file.response)
            entries = [(msgspec.json.encode(fresh), len(fresh))] if fresh else []
            file.append(time.time(), *entries, responses=kept)
            return standing

        return self._run(write)

    def append_batch(self, batches: Sequence[PredictionBatch | LabelBatch], kept: KeptResponse) -> KeptResponse:
        """Commit batches and their response; returns the one that stands: if another does, nothing was written."""
        encoded = [(msgspec.json.encode(batch), len(batch)) for batch in batches]

        def write(file: OutboxFile) -> KeptResponse:
            if (earlier := file.response(kept.id)) is not None:
                return earlier
            file.append(time.time(), *encoded, responses=[kept])
            return kept

        return self._run(write)

    def response(self, request_id: str) -> KeptResponse | None:
        """The response that was given to the request of this id; None after a day. Raises Unavailable."""
        return self._run(lambda file: file.response(request_id))

    def oldest(self, predictions: int) -> list[Entry]:
        """The oldest entries, until they hold this many predictions; raises Unavailable."""
        return self._run(lambda file: file.oldest(predictions))

    def acknowledge(self, entries: Sequence[Entry], rejected: Sequence[tuple[str, bytes]] = ()) -> None:
        """Delete entries of `oldest` that are stored, and keep the rejected documents. Raises Unavailable."""
        end = entries[-1].end_offset
        self._run(lambda file: file.acknowledge(end, rejected) if _begins_with(file, entries[0]) else None)

    def checkpoint_log(self) -> None:
        """Keep SQLite's log short. Only that of the file this object has open, and without the lock: it takes 10 ms."""
        # Whatever is wrong, the next to write meets it under the lock.
        with self._mutex, suppress(*SQLITE_FAILURES):
            if self._file is not None:
                self._file.checkpoint_log()

    def status(self) -> OutboxStatus:
        """Depth and age of the queue, now; raises Unavailable."""
        current = self._run(lambda file: file.status())
        return OutboxStatus(current, len(list(self.folder.glob("outbox-*.sqlite"))) - 1)

    def close(self) -> None:
        """Close the file and give up the lock."""
        with self._mutex:
            if self._file is not None:
                self._file.close()
            os.close(self._lock)

    def _run(self, action: Callable[[OutboxFile], Result]) -> Result:
        try:
            with self._alone():
                try:
                    return action(self._current())
                except (sqlite3.DatabaseError, *SIGNS_OF_DAMAGE) as error:
                    if not _is_damage(error):
                        raise
                    self._set_aside(error)
                    return action(self._current())
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(OUTBOX, f"{error}. Check the disk under {self.folder}", RETRY_AFTER_SECONDS) from error

    def _current(self) -> OutboxFile:
        written = os.pread(self._lock, 20, 0)
        number = int(written or 0) or max(self._numbers(), default=1)
        if self._file is None or number != self._number:
            if self._file is not None:
                self._file.close()
            self._file, self._number = None, number
            if written and _is_empty(self._path(number)):  # SQLite would take it for a new one, without a word
                raise Damaged("it is empty")
            self._file = self._open(number)
            if not written:
                os.pwrite(self._lock, f"{number:020}".encode(), 0)
        return self._file

    def _set_aside(self, damage: Exception) -> None:
        old = self._path(self._number)
        if self._file is not None:
            self._file.close()
            self._file = None
        fresh_number = self._number + 1
        for leftover in self.folder.glob(self._path(fresh_number).name + "*"):
            leftover.unlink()  # of a process that died while doing this
        fresh, saved = self._open(fresh_number), 0
        for entry in sorted(salvage(old), key=lambda entry: entry.end_offset):
            fresh.append(entry.queued_at, (entry.body, entry.predictions))
            saved += entry.predictions
        fresh.append(time.time(), responses=list(kept_responses.salvage(old)))
        fresh.close()
        os.pwrite(self._lock, f"{fresh_number:020}".encode(), 0)
        log.error("%s is damaged (%s): set aside, %d predictions saved from it into the next file", old, damage, saved)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        deadline = time.monotonic() + LOCK_SECONDS
        if not self._mutex.acquire(timeout=LOCK_SECONDS):
            raise TimeoutError("another thread has held it for too long")
        try:
            pause = FIRST_PAUSE_SECONDS
            while not try_lock(self._lock):
                if time.monotonic() > deadline:
                    raise TimeoutError("another process has held its lock for too long")
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            try:
                yield
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)
        finally:
            self._mutex.release()

    def _open(self, number: int) -> OutboxFile:
        return OutboxFile(self._path(number), self._max_bytes, self._sync)

    def _numbers(self) -> list[int]:
        return [int(path.stem.partition("-")[2]) for path in self.folder.glob("outbox-*.sqlite")]

    def _path(self, number: int) -> Path:
        return self.folder / f"outbox-{number:06}.sqlite"


def _is_damage(error: Exception) -> bool:
    return isinstance(error, SIGNS_OF_DAMAGE) or getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE_CODES


def _is_empty(path: Path) -> bool:
    return path.exists() and path.stat().st_size == 0


def _begins_with(file: OutboxFile, entry: Entry) -> bool:
    # After a salvage offsets count anew: entries read from the file before it are sent again, once by their ids.
    return file.oldest(1)[:1] == [entry]


def try_lock(descriptor: int) -> bool:
    """Take the file's lock if nobody holds it; it is given up by whoever dies holding it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
