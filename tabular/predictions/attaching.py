"""Which labels change which predictions: the rules, with no store in them.

- A label of a prediction that has none is attached.
- Of several labels of one prediction the one that came in last stands (`received_at`), whatever the order in which they
  are written: what is replayed changes nothing.
- The same outcome again changes nothing, and is no entry of the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tabular.predictions.label import Label

Result = Literal["attached", "corrected", "repeated", "waiting", "orphans"]


class Standing(NamedTuple):
    """A stored prediction and the label that it has: none, or an outcome and when it came in (µs since 1970)."""

    prediction_id: str
    run_id: str
    outcome: str | float | None = None
    received_at_us: int | None = None


class Change(NamedTuple):
    """A label to write: onto which prediction, and what that had before."""

    label: Label
    received_at_us: int
    before: Standing


@dataclass(frozen=True)
class Plan:
    """What is to be written, in order of time, and what becomes of each label, by its position."""

    changes: Sequence[Change]
    results: Mapping[int, Result]


def plan(labels: Sequence[tuple[Label, int, Sequence[str]]], stored: Mapping[str, Standing]) -> Plan:
    """Decide on labels, each with when it came in (µs since 1970) and the ids it goes to; `stored` is what is there."""
    standing, changes, results = dict(stored), list[Change](), dict[int, Result]()
    for at in sorted(range(len(labels)), key=lambda at: labels[at][1]):
        label, received_at_us, ids = labels[at]
        found = [standing[known] for known in ids if known in standing]
        made = [Change(label, received_at_us, before) for before in found if _differs(label, received_at_us, before)]
        changes += made
        for change in made:
            after = change.before._replace(outcome=label.outcome, received_at_us=received_at_us)
            standing[after.prediction_id] = after
        results[at] = _result(found, made)
    return Plan(changes, results)


def _differs(label: Label, received_at_us: int, before: Standing) -> bool:
    is_later = before.received_at_us is None or received_at_us > before.received_at_us
    return before.outcome is None or (is_later and before.outcome != label.outcome)


def _result(found: Sequence[Standing], made: Iterable[Change]) -> Result:
    if not found:
        return "waiting"
    earlier = [change.before.outcome for change in made]
    if not earlier:
        return "repeated"
    return "attached" if None in earlier else "corrected"
