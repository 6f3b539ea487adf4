"""How much a worker holds for its clients, in bodies that arrive and answers that are taken slowly: bounded for all."""

from __future__ import annotations

from server.api.errors import Refusal

MAX_HELD_BYTES = 24_000_000


class HeldBytes:
    """What all requests of a worker hold together, in bytes."""

    def __init__(self, max_bytes: int = MAX_HELD_BYTES) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0


class Holding:
    """What one request holds, until it is released."""

    __slots__ = ("_all", "bytes")

    def __init__(self, held_bytes: HeldBytes) -> None:
        self._all = held_bytes
        self.bytes = 0

    def add(self, size: int) -> None:
        """Hold so many more; raises Refusal where that is too much for the worker."""
        if self._all.bytes + size > self._all.max_bytes:
            raise overloaded()
        self.replace(self.bytes + size)

    def replace(self, size: int) -> None:
        """Hold so many instead, however many that is: the body has been used, the answer is there."""
        self._all.bytes += size - self.bytes
        self.bytes = size

    def release(self) -> None:
        """Hold nothing any more."""
        if self.bytes:
            self.replace(0)


def overloaded() -> Refusal:
    """The answer to a request beyond what may wait."""
    return Refusal(
        503, "too many requests wait already", "overloaded", "Send it again later.", (), {"Retry-After": "1"}
    )
