"""A worker's resident memory while it is attacked, and the brake before the machine runs out of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from benchmarks.attacks.attack import GROWTH_MB, Target
from benchmarks.load.processes import usage

SAMPLE_SECONDS = 0.01
STOPPED_MB = GROWTH_MB + 1_000
"""Grown by so much, the attack is stopped; by twice as much, for what the worker still has to do, the worker is."""
FIVE_AND_RESET = "5"
"""Written to clear_refs, it sets the peak of the resident memory back to what it is now (proc(5))."""


def resident_mb(pid: int) -> float:
    """What a process holds now."""
    return usage({pid}).resident_bytes / 1e6


class MemoryWatch:
    """Watches the worker for the length of a `with` block; `grown_mb` is the most it grew over `base_mb`."""

    def __init__(self, target: Target, base_mb: float) -> None:
        self._target, self._base_mb = target, base_mb
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.grown_mb = 0.0

    def __enter__(self) -> MemoryWatch:
        with suppress(OSError):
            Path(f"/proc/{self._target.worker}/clear_refs").write_text(FIVE_AND_RESET)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self._see(_peak_mb(self._target.worker))

    @property
    def was_stopped(self) -> bool:
        """True if the attack had to end early: it would have grown further."""
        return self._target.stopped.is_set()

    def _watch(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            self._see(resident_mb(self._target.worker))
            if self.grown_mb > STOPPED_MB:
                self._target.stopped.set()
            if self.grown_mb > 2 * STOPPED_MB:
                with suppress(ProcessLookupError):
                    os.kill(self._target.worker, signal.SIGKILL)
                return

    def _see(self, now_mb: float) -> None:
        self.grown_mb = max(self.grown_mb, now_mb - self._base_mb)


def settled_mb(pid: int, seconds: float = 1.0) -> float:
    """What it holds once it has had a moment to let go."""
    time.sleep(seconds)
    return resident_mb(pid)


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1_024 / 1e6
    return 0.0
