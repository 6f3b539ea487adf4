"""What is done about a model in the shadow: promoted, dropped, rolled back to, or nothing yet."""

from __future__ import annotations

import pytest

from server.shadow.decision import decide
from tabular.quality.interval import Interval
from tabular.quality.sequential.challenge import Budget, Evidence

BUDGET = Budget(labels=1_000, days=30)
BETTER = Evidence("better", 400, 0.02, Interval(0.005, 0.035))
WORSE = Evidence("worse", 400, -0.02, Interval(-0.035, -0.005))
OPEN = Evidence("undecided", 400, 0.001, Interval(-0.01, 0.012))


@pytest.mark.parametrize(
    ("role", "found", "rejected", "days", "action"),
    [
        ("challenger", OPEN, 0, 1, "wait"),
        ("challenger", BETTER, 0, 1, "promote"),
        ("challenger", BETTER, 0, 99, "promote"),
        ("challenger", WORSE, 0, 1, "drop"),
        ("challenger", OPEN, 0, 30, "drop"),
        ("challenger", OPEN._replace(labels=1_000), 0, 1, "drop"),
        ("challenger", BETTER, 22, 1, "drop"),
        ("challenger", BETTER, 21, 1, "promote"),
        ("challenger", OPEN._replace(labels=0), 99, 1, "wait"),
        ("challenger", OPEN._replace(labels=0), 100, 1, "drop"),
        ("previous", BETTER, 0, 1, "roll_back"),
        ("previous", BETTER, 99, 1, "roll_back"),
        ("previous", WORSE, 0, 1, "wait"),
        ("previous", OPEN, 0, 99, "wait"),
    ],
)
def test_the_action(role, found, rejected, days, action):
    assert decide(role, found, rejected, days, BUDGET).action == action


def test_the_reason_tells_the_figures():
    why = decide("challenger", BETTER, 0, 1, BUDGET).why
    assert why == (
        "it is better than the champion: on 400 labelled predictions its mean loss is lower by 0.02000, and the true "
        "gain between 0.00500 and 0.03500"
    )
    assert "after 30 days" in decide("challenger", OPEN, 0, 30, BUDGET).why
    assert "no labelled predictions yet" in decide("challenger", OPEN._replace(labels=0), 0, 1, BUDGET).why
    assert "rejects 100 of 100 rows" in decide("challenger", OPEN._replace(labels=0), 100, 1, BUDGET).why
