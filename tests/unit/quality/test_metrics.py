"""Metrics against hand-made cases and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tabular.quality.metrics import best_f1_threshold, metrics, row_losses

DRAW = np.random.default_rng(0)
TARGET = (DRAW.random(800) < 0.3).astype(float)
GOOD = np.clip(TARGET * 0.3 + 0.25 + DRAW.normal(0, 0.15, 800), 0.01, 0.99)


def test_the_binary_metrics_of_a_case_done_by_hand():
    found = metrics("binary", np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.9]), threshold=0.4)
    assert found["roc_auc"] == 0.75
    assert found["accuracy"] == 0.5
    assert found["f1"] == pytest.approx(0.8)  # at 0.4: two hits, one false alarm, no miss
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])))


def test_the_multiclass_metrics_agree_with_scikit_learn():
    target = DRAW.integers(0, 3, 300).astype(float)
    scores = DRAW.dirichlet([1, 1, 1], 300) * 0.5 + np.eye(3)[target.astype(int)] * 0.5
    found = metrics("multiclass", target, scores)
    assert found["log_loss"] == pytest.approx(log_loss(target, scores))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(target, scores, multi_class="ovr"))


def test_the_regression_metrics_of_a_case_done_by_hand():
    found = metrics("regression", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0]), off_by=2.9)
    assert found == pytest.approx({"mse": 3.0, "rmse": np.sqrt(3), "mae": 1.0, "r2": -3.5, "share_off_by_more": 1 / 3})


def test_what_is_off_by_the_very_amount_is_not_off_by_more():
    target, scores = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 6.0])
    assert metrics("regression", target, scores, off_by=3.0)["share_off_by_more"] == 0
    assert "share_off_by_more" not in metrics("regression", target, scores)


def test_of_a_probability_the_errors_are_those_of_a_number():
    found = metrics("binary", np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.6, 0.4, 0.9]), off_by=0.5)
    assert found["mae"] == pytest.approx((0.1 + 0.6 + 0.6 + 0.1) / 4)
    assert found["mse"] == found["brier"]
    assert found["rmse"] == pytest.approx(np.sqrt(found["brier"]))
    assert found["share_off_by_more"] == 0.5


def test_the_threshold_is_the_best_of_all_for_f1():
    threshold = best_f1_threshold(TARGET, GOOD)
    best = metrics("binary", TARGET, GOOD, threshold)["f1"]
    assert all(metrics("binary", TARGET, GOOD, other)["f1"] <= best for other in np.linspace(0.05, 0.95, 50))


def test_a_probability_of_zero_has_a_large_but_finite_loss():
    assert np.isfinite(row_losses("binary", np.array([1.0]), np.array([0.0]))).all()


def test_rows_that_cannot_define_a_metric_have_the_others():
    ones, scores = np.ones(4), np.array([0.2, 0.4, 0.6, 0.8])
    assert set(metrics("binary", ones, scores)) == {
        "log_loss", "brier", "accuracy", "f1", "f1_threshold", "mae", "mse", "rmse"
    }  # fmt: skip
    assert "roc_auc" not in metrics("multiclass", ones, np.tile([0.2, 0.5, 0.3], (4, 1)))
    assert set(metrics("regression", ones, scores)) == {"rmse", "mse", "mae"}
