"""The calibration error is 0 where frequencies are as told, and the distance where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.calibration.error import calibration_error


def test_it_is_the_distance_of_probability_and_frequency():
    target = np.tile([1.0, 0.0, 0.0, 0.0], 500)
    assert calibration_error(target, np.full(2_000, 0.25)) == pytest.approx(0)
    assert calibration_error(target, np.full(2_000, 0.45)) == pytest.approx(0.2)


def test_errors_in_both_directions_do_not_make_up_for_each_other():
    target = np.r_[np.tile([1.0, 0.0], 500), np.tile([1.0, 0.0], 500)]
    scores = np.r_[np.full(1_000, 0.4), np.full(1_000, 0.6)]
    assert calibration_error(target, scores) == pytest.approx(0.1)


def test_of_probabilities_that_are_right_it_is_near_0():
    draw = np.random.default_rng(0)
    scores = draw.random(50_000)
    assert calibration_error((draw.random(50_000) < scores).astype(float), scores) < 0.01


def test_of_several_classes_it_is_the_mean_over_them():
    target = np.tile([0.0, 0.0, 1.0, 2.0], 250)
    scores = np.tile([0.5, 0.35, 0.15], (1_000, 1))
    assert calibration_error(target, scores) == pytest.approx((0 + 0.1 + 0.1) / 3)


def test_fewer_rows_than_bins_are_enough():
    assert calibration_error(np.array([1.0, 0.0]), np.array([0.9, 0.2])) == pytest.approx(0.15)
