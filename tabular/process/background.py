"""Periodic work beside a process's main task: a failure is logged, counted and retried."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

REPEAT_LOG_SECONDS = 60.0


class BackgroundTask:
    """A step that is repeated at an interval; no exception ends it.

    `meanwhile` describes the state while it fails. `failures` counts since the start; `failing` is the type of the last
    error, None once the step has succeeded again. `tell` is called after each turn, and may fail like the step.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        rest_seconds: float,
        *,
        meanwhile: str = "",
        tell: Callable[[BackgroundTask], object] = lambda _: None,
    ) -> None:
        self.name = name
        self.failures = 0
        self.failing: str | None = None
        self._step = step
        self.rest_seconds = rest_seconds
        self._meanwhile = f"; meanwhile {meanwhile}" if meanwhile else ""
        self._tell = tell
        self._said, self._said_at = "", 0.0
        self._worked_at = time.monotonic()

    @property
    def worked_seconds_ago(self) -> float:
        """Seconds since the step last succeeded, or since the start."""
        return time.monotonic() - self._worked_at

    def start(self, stop: threading.Event) -> threading.Thread:
        """Run in a daemon thread."""
        thread = threading.Thread(target=self.run, args=(stop,), name=self.name, daemon=True)
        thread.start()
        return thread

    def run(self, stop: threading.Event) -> None:
        """Repeat the step until stopped."""
        while not stop.is_set():
            self.turn()
            stop.wait(self.rest_seconds)

    def turn(self) -> None:
        """Do the step once; never raises."""
        if self._does(self._step):
            self._worked_at = time.monotonic()
            if self.failing is not None:
                log.warning("%s: recovered", self.name)
            self.failing, self._said = None, ""
        self._does(lambda: self._tell(self))

    def _does(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - any error is reported and retried
            self.failures += 1
            self.failing = type(error).__name__
            self._log(error)
            return False
        return True

    def _log(self, error: Exception) -> None:
        said, now = f"{type(error).__name__}: {error}", time.monotonic()
        is_new = said != self._said
        if not is_new and now - self._said_at < REPEAT_LOG_SECONDS:
            return  # at every retry it would fill the disk, which may be the problem
        log.error(
            "%s: %s; retrying in %g s%s",
            self.name,
            said,
            self.rest_seconds,
            self._meanwhile,
            exc_info=error if is_new else None,
        )
        self._said, self._said_at = said, now
