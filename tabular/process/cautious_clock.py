"""The time, for what cannot be undone: a wall clock that was set ahead by mistake must give nothing up."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

PROOF_SECONDS = 3_600.0
"""So long a clock has to be ahead of what was known before it is believed; one that is wrong is corrected by then."""
SLACK_SECONDS = 1.0


class CautiousClock:
    """The wall clock, as far as the process's own count of seconds bears it out. Has to be read now and then.

    A clock that goes back is believed at once: what waits then waits longer. One that leaps ahead, and that of a
    process that has only begun, is believed once it has stayed ahead for PROOF_SECONDS.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._believed: float | None = None
        self._claimed, self._ahead_since = float("inf"), 0.0

    def now(self) -> datetime:
        """The time, UTC; that of 1970 as long as nothing is believed, so that nothing has waited for too long."""
        now = self._monotonic()
        offset = self._wall() - now
        if self._believed is not None and offset <= self._believed + SLACK_SECONDS:
            self._believed, self._claimed = min(offset, self._believed), float("inf")
        elif offset < self._claimed - SLACK_SECONDS:  # a claim of its own, and a smaller one
            self._claimed, self._ahead_since = offset, now
        elif now - self._ahead_since >= PROOF_SECONDS:
            self._believed, self._claimed = self._claimed, float("inf")
        return datetime.fromtimestamp(0.0 if self._believed is None else now + self._believed, UTC)
