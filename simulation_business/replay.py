"""The rows of a table, endless, and the pace at which they are sent."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from simulation_business.rows import Row


def replay(rows: Sequence[Row], seed: int) -> Iterator[Row]:
    """The rows again and again, each round in another order, by seed."""
    draw = Random(seed)  # noqa: S311 - an order, not a secret
    order = array("L", range(len(rows)))
    while rows:
        draw.shuffle(order)
        for position in order:
            yield rows[position]


@dataclass
class Pace:
    """When rows are due, by absolute time: a slow response does not slow the pace down.

    Whoever falls more than `patience_seconds` behind starts afresh rather than flooding a server that has just come
    back. Times are seconds of one monotonic clock.
    """

    rate_per_second: float
    patience_seconds: float = 2.0
    _next_seconds: float | None = field(default=None, init=False)

    def wait_seconds(self, now_seconds: float) -> float:
        """How long it is until the next row is due; the first is due at once."""
        return 0.0 if self._next_seconds is None else max(0.0, self._next_seconds - now_seconds)

    def take(self, now_seconds: float, at_most: int) -> int:
        """How many rows to send now: those that are due, and at least one; they count as sent."""
        due = now_seconds if self._next_seconds is None else self._next_seconds
        if now_seconds - due > self.patience_seconds:
            due = now_seconds
        rows = min(max(1, 1 + int((now_seconds - due) * self.rate_per_second)), at_most)
        self._next_seconds = due + rows / self.rate_per_second
        return rows
