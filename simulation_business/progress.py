"""The progress of a simulator: one moving line on a terminal, else a line every ten seconds."""

from __future__ import annotations

import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass, field

LINE_SECONDS = 10.0
TERMINAL_LINE_SECONDS = 0.2
FRESH_LINE = "\r\x1b[K"
TIMED_RESPONSES = 1_000


@dataclass
class Progress:
    """Rows sent, served and failed so far; `last` is the last score, or what went wrong.

    `labels` counts the outcomes that were told, `seconds` holds how long the last responses took.
    """

    sent: int = 0
    served: int = 0
    failed: int = 0
    labels: int = 0
    last: str = ""
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=TIMED_RESPONSES))
    _began_seconds: float = field(default_factory=time.monotonic)
    _shown_seconds: float = field(default_factory=time.monotonic)

    def show(self) -> None:
        """Show the line, if it is time to."""
        is_terminal = sys.stderr.isatty()
        if time.monotonic() - self._shown_seconds >= (TERMINAL_LINE_SECONDS if is_terminal else LINE_SECONDS):
            self._shown_seconds = time.monotonic()
            sys.stderr.write(f"{FRESH_LINE}{self}" if is_terminal else f"{self}\n")
            sys.stderr.flush()

    def end(self) -> None:
        """Show the summary."""
        sys.stderr.write(f"{FRESH_LINE if sys.stderr.isatty() else ''}stopped: {self}\n")

    @property
    def waiting(self) -> int:
        """Rows that were sent and have neither a prediction nor a rejection yet."""
        return max(0, self.sent - self.served - self.failed)

    def __str__(self) -> str:
        rate = self.sent / max(time.monotonic() - self._began_seconds, 1e-9)
        parts = [f"sent {self.sent:,} ({rate:,.1f}/s), served {self.served:,}, failed {self.failed:,}"]
        parts += [f"{self.waiting:,} without a response yet"] if self.waiting else []
        parts += [f"{statistics.median(self.seconds):.3f} s a response"] if self.seconds else []
        parts += [f"{self.labels:,} outcomes told"] if self.labels else []
        parts += [f"last: {self.last}"] if self.last else []
        return ", ".join(parts)
