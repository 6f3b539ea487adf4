"""Work that a process does again and again beside its main one: whatever fails is logged, counted and tried again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SAY_AGAIN_SECONDS = 60.0


class BackgroundTask:
    """A step that is done again and again, with a rest between; no exception ends it.

    `meanwhile` says what holds while it fails. `failures` counts since the start; `failing` is the kind of the last
    failure, None once the step has worked again. `tell` is called after each turn, and may fail like the step.
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
        self._rest_seconds = rest_seconds
        self._meanwhile = f"; meanwhile {meanwhile}" if meanwhile else ""
        self._tell = tell
        self._said, self._said_at = "", 0.0
        self._worked_at = time.monotonic()

    @property
    def worked_seconds_ago(self) -> float:
        """How long ago the step last worked, or since the start."""
        return time.monotonic() - self._worked_at

    def start(self, stop: threading.Event) -> threading.Thread:
        """Run in a thread of its own, which ends with the process."""
        thread = threading.Thread(target=self.run, args=(stop,), name=self.name, daemon=True)
        thread.start()
        return thread

    def run(self, stop: threading.Event) -> None:
        """Turn after turn, until stopped."""
        while not stop.is_set():
            self.turn()
            stop.wait(self._rest_seconds)

    def turn(self) -> None:
        """Do the step once; never raises."""
        if self._does(self._step):
            self._worked_at = time.monotonic()
            if self.failing is not None:
                log.warning("%s: works again", self.name)
            self.failing, self._said = None, ""
        self._does(lambda: self._tell(self))

    def _does(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - what it is called for
            self.failures += 1
            self.failing = type(error).__name__
            self._log(error)
            return False
        return True

    def _log(self, error: Exception) -> None:
        said, now = f"{type(error).__name__}: {error}", time.monotonic()
        is_new = said != self._said
        if not is_new and now - self._said_at < SAY_AGAIN_SECONDS:
            return  # as often as it is tried it would fill the disk, which may be what it is about
        log.error(
            "%s: %s; trying again in %g s%s",
            self.name,
            said,
            self._rest_seconds,
            self._meanwhile,
            exc_info=error if is_new else None,
        )
        self._said, self._said_at = said, now
