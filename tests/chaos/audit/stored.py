"""What is in the store, as the audit sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stored:
    """One document of the store; times are microseconds since 1970."""

    id: str
    source: str
    score: float
    business_key: str | None = None
    made_at_us: int = 0
    label: str | None = None
    labelled_at_us: int | None = None
