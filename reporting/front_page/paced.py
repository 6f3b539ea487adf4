"""Reading that takes a small share of the time, however large a store has become."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

READING_SHARE = 0.02

Value = TypeVar("Value")


class Paced(Generic[Value]):
    """What was read last; it is read again so rarely that reading takes READING_SHARE of the time."""

    def __init__(self, read: Callable[[], Value], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._known: list[Value] = []
        self._due_at = 0.0

    def get(self) -> Value:
        """The newest value that is known; raises what the reading does."""
        began = self._clock()
        if began >= self._due_at or not self._known:
            self._known = [self._read()]
            ended = self._clock()
            self._due_at = ended + (ended - began) / READING_SHARE
        return self._known[0]
