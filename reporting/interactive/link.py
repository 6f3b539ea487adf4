"""The link from a report to one of Evidently's pages of its data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvidentlyPage:
    """A page that was written: the link to it from a report, what it is called, and its size in bytes."""

    href: str
    name: str
    size_bytes: int

    @property
    def megabytes(self) -> str:
        """Its size, as people read it."""
        return f"{self.size_bytes / 1e6:.1f}"
