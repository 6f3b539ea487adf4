"""The alarm on quality: its rate of false alarms with the mean loss at its limit, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.alarm.loss_grid import counts_on_grid
from tabular.quality.alarm.risk import TOLERANCE, RiskDetector, reference_risk

THRESHOLD, BLOCKS, RUNS = 400.0, 100, 200


def two_points(draw, mean, rows):
    """The hardest losses there are: their variance is the largest for this mean."""
    return (draw.random(rows) < mean).astype(float)


def smooth(draw, mean, rows):
    return draw.beta(0.5, 0.5 * (1 - mean) / mean, rows)


def first_alarm(draw, losses_of, mean, limit, blocks=BLOCKS, threshold=THRESHOLD, rows=50):
    one = RiskDetector(limit, threshold)
    for at in range(blocks):
        one.add(counts_on_grid(losses_of(draw, mean, rows)))
        if one.is_raised:
            return at
    return None


@pytest.mark.parametrize("limit", [0.02, 0.12, 0.5])
@pytest.mark.parametrize("losses_of", [two_points, smooth])
def test_with_the_mean_loss_at_its_limit_false_alarms_are_as_rare_as_the_threshold_says(limit, losses_of):
    draw = np.random.default_rng(0)
    alarms = sum(first_alarm(draw, losses_of, limit, limit) is not None for _ in range(RUNS))
    # Of 100 blocks at most 100 / 400 of the runs, and here three standard errors more.
    assert alarms <= RUNS * BLOCKS / THRESHOLD + 3 * np.sqrt(RUNS * 0.25 * 0.75)


def test_losses_whose_order_depends_on_what_came_before_are_no_way_around_it():
    draw, alarms = np.random.default_rng(1), 0
    for _ in range(RUNS):
        one, mean = RiskDetector(0.1, THRESHOLD), 0.1
        for _ in range(BLOCKS):
            losses = two_points(draw, mean, 50)
            one.add(counts_on_grid(losses))
            mean = 0.1 if losses.mean() > 0.1 else 0.02
            if one.is_raised:
                alarms += 1
                break
    assert alarms <= RUNS * BLOCKS / THRESHOLD + 3 * np.sqrt(RUNS * 0.25 * 0.75)


@pytest.mark.parametrize(("limit", "mean"), [(0.03, 0.07), (0.12, 0.18), (0.12, 0.4)])
@pytest.mark.parametrize("losses_of", [two_points, smooth])
def test_a_risk_that_has_risen_is_found(limit, mean, losses_of):
    found = first_alarm(np.random.default_rng(2), losses_of, mean, limit, threshold=26_000.0)
    assert found is not None
    assert found < 50


def test_a_risk_that_has_fallen_raises_nothing():
    assert first_alarm(np.random.default_rng(3), smooth, 0.05, 0.12, blocks=3_000, threshold=26_000.0) is None


def test_an_alarm_ends_after_its_cause_and_may_come_again():
    one, draw = RiskDetector(0.1, 1_000.0), np.random.default_rng(4)
    for mean, is_raised in ((0.4, True), (0.05, False), (0.4, True)):
        for _ in range(100):
            one.add(counts_on_grid(smooth(draw, mean, 100)))
        assert one.is_raised == is_raised


def test_the_limit_is_the_tolerance_of_a_large_reference_and_the_error_of_a_small_one():
    draw = np.random.default_rng(5)
    large, small = (reference_risk(smooth(draw, 0.1, rows)) for rows in (100_000, 60))
    assert large.limit == pytest.approx(large.mean * (1 + TOLERANCE))
    assert small.limit > small.mean * 1.5


def test_the_truth_is_below_the_limit_in_99_of_100_references():
    draw, above = np.random.default_rng(6), 0
    for _ in range(400):
        above += reference_risk(two_points(draw, 0.1, 300)).limit < 0.1
    assert above <= 10  # of 400 with a probability of 1 % each: 11 or more with one of 0.3 %


def test_no_reference_raises_no_alarm_and_a_perfect_one_still_can():
    nothing = RiskDetector(reference_risk(np.empty(0)).limit, 10.0)
    perfect = RiskDetector(reference_risk(np.zeros(1_000)).limit, 10.0)
    for one in (nothing, perfect):
        for _ in range(50):
            one.add(counts_on_grid(np.full(10, 0.5)))
    assert (nothing.is_raised, nothing.evidence, perfect.is_raised) == (False, 0.0, True)
    assert np.isfinite(perfect.evidence)
