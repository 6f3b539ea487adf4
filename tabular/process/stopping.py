"""A process that runs until it is asked to stop, by SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable

from tabular.errors import Rejected

log = logging.getLogger(__name__)


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set from now on; for the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def run_until_stopped(name: str, run: Callable[[threading.Event], None]) -> int:
    """Run a service; its exit code: 0 once it was stopped, 1 if it can never work, with the reason in the log."""
    try:
        run(stop_event())
    except Rejected as error:
        log.error("the %s cannot run: %s", name, error)
        return 1
    log.info("stopped")
    return 0
