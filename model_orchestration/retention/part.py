"""What became of one kind of data: how much of it went, or would go, and why the rest stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

BATCH = 500
"""So many are deleted in one command of the store: within the time of one answer, also of one that syncs each."""
MOST_COUNTED = 100_000


class Part(NamedTuple):
    """A kind of data by name: how many went (or would go), and a reason for each part of the rest."""

    name: str
    deleted: int
    kept: Sequence[str]

    def line(self, *, dry: bool) -> str:
        """A sentence about it."""
        more = "at least " if dry and self.deleted >= MOST_COUNTED else ""
        what = "would be deleted" if dry else "deleted"
        return f"{self.name}: {more}{self.deleted:,} {what}. Kept: {'; '.join(self.kept)}"


class Limit(NamedTuple):
    """Something that needs all from a time on, and why."""

    since: datetime
    why: str

    def __str__(self) -> str:
        return f"from {self.since:%Y-%m-%d %H:%M} UTC on {self.why}"


def cutoff(limits: Sequence[Limit]) -> datetime:
    """Before which time nothing is needed: the earliest of the limits, of which there is one at least."""
    return min(limit.since for limit in limits)


def in_batches(delete: Callable[[int], int]) -> int:
    """Delete batch after batch until none is left; returns how many went."""
    total = 0
    while gone := delete(BATCH):
        total += gone
    return total
