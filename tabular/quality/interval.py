"""Both ends of an interval; apart from what measures them, for services that load no library of statistics."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """Both ends, with the confidence that whoever made it states: 95 % unless it says another."""

    low: float
    high: float
