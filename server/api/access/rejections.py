"""A line in the log for each request that got an error, so that the id in its response can be found there.

What a client sends is not repeated but for its path, which is cut: faults hold customers' data. However many requests
fail, few lines a second are written: a log that blocks, blocks the event loop.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from server.api.request import Request
from server.connections.errors import HttpError

log = logging.getLogger(__name__)

MOST_A_SECOND = 10
UNFORESEEN = 500  # logged with its traceback where it was met


class RejectionLog:
    """Of one worker; for its event loop's thread alone. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second, self._written, self._left_out = 0, 0, 0

    def note(self, request: Request, error: HttpError) -> None:
        """Write the line, unless there were enough within this second; then say how many were left out, later."""
        if error.status == UNFORESEEN:
            return
        if (second := int(self._clock())) != self._second:
            self._begin(second)
        if self._written == MOST_A_SECOND:
            self._left_out += 1
            return
        self._written += 1
        what = (error.status, error.full_code, request.method, request.path)
        log.info("responded %d %s to %.10r %.200r", *what, extra={"request_id": request.id.value})

    def _begin(self, second: int) -> None:
        if self._left_out:
            log.info("%d more requests got an error and have no line here", self._left_out)
        self._second, self._written, self._left_out = second, 0, 0
