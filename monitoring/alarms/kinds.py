"""What an alarm is, of which kinds there are, and how seldom they err."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["drift", "score", "quality"]
KINDS: tuple[Kind, ...] = ("drift", "score", "quality")

FALSE_ALARM_DAYS = 30
"""Without any change, a run has one alarm of whichever kind in so many days, at most and on average."""


@dataclass(frozen=True)
class Alarm:
    """One alarm as it stands: raised at `evidence` 1, since when (seconds since 1970; None: it is not raised).

    It rests on so many `blocks`, the last of which ended `until` (seconds since 1970). `figures` say what it is about.
    """

    evidence: float
    raised_at: float | None
    blocks: int
    until: float
    by_feature: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


def threshold(block_seconds: float) -> float:
    """The least mean number of blocks until a detector of one kind errs."""
    return len(KINDS) * FALSE_ALARM_DAYS * 86_400 / block_seconds
