"""Bets on a mean, by simulation: how often they err, and how soon they find what is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tabular.quality.sequential.betting import confidence_sequence, first_above, log_capital

ALPHA = 0.05
SERIES, LENGTH = 400, 2_000


def two_points(rng, mean, size):
    """The hardest values there are from -1 to 1: their variance is the largest for this mean."""
    return np.where(rng.random(size) < (1 + mean) / 2, 1.0, -1.0)


def rare(rng, mean, size):
    """Mostly nothing, as differences of two models are; with this mean."""
    return np.where(rng.random(size) < 0.02, rng.uniform(-1, 1, size), 0.0) + mean


@pytest.mark.parametrize("drawn", [two_points, rare])
def test_it_errs_seldom_however_often_one_looks(drawn):
    rng = np.random.default_rng(1)
    found = sum(first_above(drawn(rng, 0.0, LENGTH), ALPHA) is not None for _ in range(SERIES))
    # Of 400 series with an error of 5 % each, 33 or more err with a probability of 0.3 %.
    assert found <= 32


def test_values_whose_order_depends_on_what_came_before_are_no_way_around_it():
    # A pattern that a test of independent values would take for a rise: the next is large after a small one.
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(SERIES):
        values, scale = [], 0.1
        for _ in range(300):
            values.append(rng.choice([-1.0, 1.0]) * scale)
            scale = 1.0 if values[-1] < 0 else 0.1
        found += first_above(np.array(values), ALPHA) is not None
    assert found <= 32


@pytest.mark.parametrize(("mean", "most"), [(0.3, 250), (0.1, 1_500)])
def test_a_mean_that_is_above_is_found(mean, most):
    rng = np.random.default_rng(3)
    counts = [first_above(two_points(rng, mean, 10_000), ALPHA) for _ in range(50)]
    assert all(count is not None for count in counts)
    assert np.mean(counts) <= most


def test_the_confidence_sequence_holds_the_mean_at_every_length():
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(60):
        values = two_points(rng, 0.2, 400)
        missed += any(
            not low <= 0.2 <= high for low, high in (confidence_sequence(values[:n], ALPHA) for n in range(20, 401, 20))
        )
    assert missed <= 8  # 60 series with an error of 5 %: 9 or more with a probability of 0.2 %


def test_the_confidence_sequence_narrows_and_never_widens():
    values = two_points(np.random.default_rng(5), 0.2, 2_000)
    widths = [high - low for low, high in (confidence_sequence(values[:n]) for n in (0, 1, 100, 500, 2_000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == 2.0
    assert widths[-1] < 0.2


def test_the_sequence_excludes_a_mean_exactly_when_the_bet_against_it_has_won():
    values = two_points(np.random.default_rng(6), 0.1, 3_000)
    low, _ = confidence_sequence(values, 2 * ALPHA)
    assert first_above(values, ALPHA, low - 1e-4) is not None
    assert first_above(values, ALPHA, low + 1e-4) is None


def test_the_capital_is_the_product_of_what_each_value_pays():
    values = np.array([0.5, -0.25, 1.0])
    by_hand = np.mean([np.prod([1 + bet * x for x in values]) for bet in np.geomspace(0.002, 0.95, 12)])
    assert log_capital(values)[-1] == pytest.approx(math.log(by_hand), rel=1e-12)


def test_no_values_say_nothing():
    assert first_above(np.empty(0), ALPHA) is None
    assert confidence_sequence(np.empty(0)) == (-1.0, 1.0)
