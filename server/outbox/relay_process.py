"""The relay in a process of its own: in a thread of a worker it would hold the interpreter while clients wait.

    a worker      `RelaySupervisor`: of all workers of the machine the one that gets the lock starts the process
    the process   `main`: relays until its standard input ends, which is when that worker ends, however it ends

The lock goes with the process: the kernel gives it up when the process dies, and whichever worker then gets it starts
the next. The settings go by standard input, for the store's address may hold a password and command lines can be read.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec

from server.outbox.label_relay import LabelRelay
from server.outbox.queue import Outbox, Sync, try_lock
from server.outbox.relay import Relay
from tabular.errors import Unavailable
from tabular.logs.set_up import set_up_process
from tabular.process.background import BackgroundTask
from tabular.process.stopping import stop_event
from tabular.settings import Settings
from tabular.wiring import Wiring

log = logging.getLogger(__name__)

STANDBY_SECONDS = 1.0
RESTART_SECONDS = 5.0
ENDING_SECONDS = 15.0
_RELAY_PROCESS = "the outbox's relay process"


class RelaySettings(msgspec.Struct, frozen=True):
    """What is relayed, and where to; of each table how long its labels count, in days."""

    folder: str
    max_bytes: int
    sync: Sync
    mongo_uri: str
    mongo_database: str
    label_window_days: dict[str, float] = {}

    def outbox(self) -> Outbox:
        """The outbox, opened once more; raises Unavailable if it cannot be."""
        return Outbox(Path(self.folder), self.max_bytes, self.sync)


class RelaySupervisor:
    """Has one relay process on this machine, whichever worker starts it; `task` is the supervision. For one thread."""

    def __init__(self, settings: RelaySettings) -> None:
        self.task = BackgroundTask("relay", self._turn, STANDBY_SECONDS, meanwhile="predictions wait in the outbox")
        self._settings = settings
        self._process: _Process | None = None
        self._not_before_seconds = 0.0

    def run(self, stop: threading.Event) -> None:
        """Go on until stopped, then have the process end if it is this one's."""
        self.task.run(stop)
        if self._process is not None:
            self._process.end()

    def _turn(self) -> None:
        if self._process is None:
            if time.monotonic() >= self._not_before_seconds:
                self._start()
        elif (code := self._process.exit_code) is not None:
            self._process.end()
            self._process = None
            # Unless it was killed, it cannot work as things are.
            self._not_before_seconds = time.monotonic() + (0.0 if code < 0 else RESTART_SECONDS)
            raise Unavailable(_RELAY_PROCESS, f"it ended with code {code}, another is started")

    def _start(self) -> None:
        try:
            self._process = _started(self._settings)
        except OSError as error:
            self._not_before_seconds = time.monotonic() + RESTART_SECONDS
            raise Unavailable(_RELAY_PROCESS, f"it could not be started: {error}") from error


def _started(settings: RelaySettings) -> _Process | None:
    """The process, or None if another worker's is there."""
    lock = os.open(Path(settings.folder) / "relay.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return _Process(settings, lock) if try_lock(lock) else None
    finally:
        os.close(lock)  # the process has it too


class _Process:
    """The process as its worker sees it. Raises OSError if it cannot be started."""

    def __init__(self, settings: RelaySettings, lock: int) -> None:
        its_end, self._our_end = os.pipe()
        try:
            os.write(self._our_end, msgspec.json.encode(settings) + b"\n")
            command = [sys.executable, "-m", __name__]
            self._process = subprocess.Popen(command, stdin=its_end, pass_fds=[lock])  # noqa: S603 - no foreign input
        except OSError:
            os.close(self._our_end)
            raise
        finally:
            os.close(its_end)

    @property
    def exit_code(self) -> int | None:
        """The code it ended with, below 0 for a signal; None while it lives."""
        return self._process.poll()

    def end(self) -> None:
        """Have it end, and wait until it has."""
        os.close(self._our_end)
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Relay what standard input says until it ends; 1 if the outbox cannot be opened."""
    set_up_process("relay")
    stop = stop_event()
    with os.fdopen(os.dup(0), "rb", buffering=0) as given:
        relayed = msgspec.json.decode(given.readline(), type=RelaySettings)
    threading.Thread(target=_until_the_worker_ends, args=(stop,), daemon=True).start()
    wiring = Wiring(Settings(mongo_uri=relayed.mongo_uri, mongo_database=relayed.mongo_database))
    with (
        closing(wiring.predictions()) as store,
        closing(wiring.labels(relayed.label_window_days)) as labels,
        closing(wiring.ledger()) as ledger,
    ):
        try:
            Relay(relayed.outbox(), store, LabelRelay(Path(relayed.folder), labels, ledger)).run(stop)
        except Unavailable as error:
            log.error("%s", error)
            return 1
    return 0


def _until_the_worker_ends(stop: threading.Event) -> None:
    try:
        while os.read(0, 4_096):
            pass
    finally:  # the end of the worker cannot be noticed any more
        stop.set()


if __name__ == "__main__":
    sys.exit(main())
