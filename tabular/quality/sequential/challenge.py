"""The decision between a champion and a challenger, by the paired losses of both on the same labelled rows.

Whoever looks after each label, or once a day for a year, errs no more often: the evidence is a bet (betting.py). With a
confidence of 95 % a challenger that is no better is promoted with a probability of at most 2.5 %, ever, and one that is
no worse is dropped as worse with at most 2.5 %.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tabular.quality.interval import Interval
from tabular.quality.sequential.betting import Floats, confidence_sequence, first_above

Finding = Literal["better", "worse", "undecided"]


class Budget(NamedTuple):
    """What a challenger may use up before it is dropped as undecided: labelled predictions, and days."""

    labels: int
    days: float


class Evidence(NamedTuple):
    """What labelled predictions say about a challenger: `gain` is by how much its mean loss is lower, -1 to 1.

    `interval` holds the true gain at every time with the stated confidence, `labels` are those that were used.
    """

    finding: Finding
    labels: int
    gain: float
    interval: Interval


def evidence(differences: Floats, confidence: float) -> Evidence:
    """Judge the losses of the champion minus those of the challenger, in the order in which the labels came.

    The first of the two sides that is certain stands, so that later labels do not take a decision back.
    """
    half = (1 - confidence) / 2
    better, worse = first_above(differences, half), first_above(-differences, half)
    finding: Finding = "undecided"
    if better is not None or worse is not None:
        finding = "better" if worse is None or (better is not None and better < worse) else "worse"
    gain = float(differences.mean()) if len(differences) else 0.0
    return Evidence(finding, len(differences), gain, confidence_sequence(differences, 1 - confidence))


def is_used_up(budget: Budget, labels: int, days: float) -> str | None:
    """Which budget an undecided challenger has used up, as a phrase; None if it may go on."""
    if labels >= budget.labels:
        return f"{labels:,} labelled predictions"
    return f"{days:.3g} days" if days >= budget.days else None
