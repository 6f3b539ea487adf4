"""What is to be done about a model in the shadow, by the evidence so far: a function of what is known, nothing else."""

from __future__ import annotations

from typing import Literal, NamedTuple

from server.shadow.candidates import Role
from tabular.quality.sequential.challenge import Budget, Evidence, is_used_up

Action = Literal["wait", "promote", "drop", "roll_back"]

MOST_NOT_COMPARABLE = 0.05
"""A challenger whose contract rejects a larger share of the champion's labelled rows is dropped, however good it is."""

FEWEST_TO_JUDGE = 100
"""So many labelled rows have to be there before that share is looked at."""


class Decision(NamedTuple):
    """What to do, and why, in a sentence for people."""

    action: Action
    why: str


def decide(role: Role, found: Evidence, rejected: int, days: float, budget: Budget) -> Decision:
    """Decide by the evidence, by how many labelled rows the model's contract rejects, and by how long it took."""
    if role == "challenger":
        return _on_challenger(found, rejected, days, budget)
    if found.finding == "better":
        return Decision("roll_back", f"the champion of before is better than the present one: {_said(found)}")
    return Decision("wait", f"the present champion has not proved worse than the one before: {_said(found)}")


def _on_challenger(found: Evidence, rejected: int, days: float, budget: Budget) -> Decision:
    rows, spent = found.labels + rejected, is_used_up(budget, found.labels, days)
    if rows >= FEWEST_TO_JUDGE and rejected > MOST_NOT_COMPARABLE * rows:
        return Decision(
            "drop", f"its contract rejects {rejected:,} of {rows:,} rows that the champion has responded to"
        )
    if found.finding == "better":
        return Decision("promote", f"it is better than the champion: {_said(found)}")
    if found.finding == "worse":
        return Decision("drop", f"it is worse than the champion: {_said(found)}")
    if spent is not None:
        return Decision("drop", f"it is neither better nor worse than the champion after {spent}: {_said(found)}")
    return Decision("wait", f"not decided yet: {_said(found)}")


def _said(found: Evidence) -> str:
    if not found.labels:
        return "there are no labelled predictions yet"
    low, high = found.interval
    return (
        f"on {found.labels:,} labelled predictions its mean loss is lower by {found.gain:.5f}, and the true gain "
        f"between {low:.5f} and {high:.5f}"
    )
