"""A worker's resident memory while it is attacked, and the brake before the machine runs out of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.harness.processes import peak_mb, reset_peak, resident_mb
from tests.server.attacks.attack import GROWTH_MB, Target

SAMPLE_SECONDS = 0.01
STOPPED_MB = GROWTH_MB + 1_000
"""Grown by so much, the attack is stopped; by twice as much, for what the worker still has to do, the worker is."""


class Growth:
    """How much the worker has grown at most; `was_stopped` if the attack had to end early."""

    def __init__(self, target: Target, base_mb: float) -> None:
        self._target, self._base_mb = target, base_mb
        self.mb = 0.0

    @property
    def was_stopped(self) -> bool:
        """True if it would have grown further."""
        return self._target.stopped.is_set()

    def note(self, now_mb: float) -> None:
        """Take the worker's memory into account, and stop what takes too much of it."""
        self.mb = max(self.mb, now_mb - self._base_mb)
        if self.mb > STOPPED_MB:
            self._target.stopped.set()
        if self.mb > 2 * STOPPED_MB:
            with suppress(ProcessLookupError):
                os.kill(self._target.worker, signal.SIGKILL)


@contextmanager
def watched(target: Target, base_mb: float) -> Iterator[Growth]:
    """Sample the worker's memory for the length of a `with` block; the peak between two samples counts too."""
    growth, ended = Growth(target, base_mb), threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            growth.note(resident_mb(target.worker))

    thread = threading.Thread(target=sample, daemon=True)
    reset_peak(target.worker)
    thread.start()
    try:
        yield growth
    finally:
        ended.set()
        thread.join()
        growth.note(peak_mb(target.worker))
