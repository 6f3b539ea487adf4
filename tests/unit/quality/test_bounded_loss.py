"""Losses from 0 to 1, for evidence that needs a bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.quality.bounded_loss import bounded_losses, largest_error
from tabular.quality.metrics import metrics


def test_of_a_binary_model_it_is_the_brier_score():
    target, scores = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.5])
    assert bounded_losses("binary", target, scores) == pytest.approx([0.01, 0.04, 0.25])
    assert bounded_losses("binary", target, scores).mean() == pytest.approx(metrics("binary", target, scores)["brier"])


def test_of_several_classes_it_is_half_of_it():
    target, scores = np.array([0, 2]), np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    found = bounded_losses("multiclass", target, scores)
    assert found == pytest.approx([0.19, 1.0])
    assert 2 * found.mean() == pytest.approx(metrics("multiclass", target, scores)["brier"])


def test_an_error_of_a_regression_counts_up_to_four_times_the_rmse():
    largest = largest_error("regression", {"rmse": 5.0})
    assert largest == 20.0
    target, scores = np.array([0.0, 0.0, 0.0]), np.array([10.0, -20.0, 1e9])
    assert bounded_losses("regression", target, scores, largest) == pytest.approx([0.25, 1.0, 1.0])


def test_a_model_without_error_has_a_bound_all_the_same():
    assert largest_error("regression", {"rmse": 0.0}) == 1.0
    assert largest_error("binary", {}) == 1.0


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), st.floats(1e-6, 1e6))
def test_it_is_from_0_to_1_whatever_comes(target, score, largest):
    found = bounded_losses("regression", np.array([target]), np.array([score]), largest)
    assert 0 <= found[0] <= 1
