"""What the benchmarks make of their rounds: medians, ratios taken within a round, goals beside what was found."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.harness.results import Table, Value

Figures = dict[str, float]
Row = dict[str, Value]


def middle(rounds: Sequence[Mapping[str, float]]) -> Figures:
    """The median of every figure."""
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def median_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within a round: neighbours in time, not the ratio of medians."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=False))


def ratio(ones: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]], figure: str) -> float | None:
    """The same of one figure; None if either was not measured."""
    if not ones or not others:
        return None
    return median_ratio([one[figure] for one in ones], [other[figure] for other in others])


def at_least(goal: str, found: float | None, wanted: float) -> list[Row]:
    """The row of a goal; none if it was not measured."""
    return _goal(goal, found, f"≥ {wanted:g}", is_met=found is not None and found >= wanted)


def at_most(goal: str, found: float | None, wanted: float) -> list[Row]:
    """The row of a goal; none if it was not measured."""
    return _goal(goal, found, f"≤ {wanted:g}", is_met=found is not None and found <= wanted)


def goals(*rows: Sequence[Row], notes: str = "") -> list[Table]:
    """The table of the goals, if one was measured."""
    found = [row for each in rows for row in each]
    return [Table("The goals", found, notes)] if found else []


def _goal(goal: str, found: float | None, wanted: str, *, is_met: bool) -> list[Row]:
    return [] if found is None else [{"goal": goal, "wanted": wanted, "found": found, "met": "yes" if is_met else "no"}]
