"""Metrics against hand-made cases and scikit-learn; slices; the paired bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from model_orchestration.evaluation.metrics import MAX_SLICES, best_f1_threshold, compare, metrics, row_losses, slices
from tabular.data.table import CleanTable

DRAW = np.random.default_rng(0)
TARGET = (DRAW.random(800) < 0.3).astype(float)
GOOD = np.clip(TARGET * 0.3 + 0.25 + DRAW.normal(0, 0.15, 800), 0.01, 0.99)
POOR = np.clip(TARGET * 0.05 + 0.3 + DRAW.normal(0, 0.15, 800), 0.01, 0.99)


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
    found = metrics("regression", np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 6.0]))
    assert found == pytest.approx({"rmse": np.sqrt(3), "mae": 1.0, "r2": -3.5})


def test_the_threshold_is_the_best_of_all_for_f1():
    threshold = best_f1_threshold(TARGET, GOOD)
    best = metrics("binary", TARGET, GOOD, threshold)["f1"]
    assert all(metrics("binary", TARGET, GOOD, other)["f1"] <= best for other in np.linspace(0.05, 0.95, 50))


def test_a_chance_of_nought_is_dear_but_not_infinite():
    assert np.isfinite(row_losses("binary", np.array([1.0]), np.array([0.0]))).all()


def test_of_a_slice_feature_with_many_values_the_most_frequent_are_measured(tiny_contract):
    contract = tiny_contract(change=lambda file: file["table"].update(slice_features=["weight"]))
    rows = 2_000
    weights = np.where(np.arange(rows) < 40, 0.5, np.linspace(-1, 1, rows))
    target = pd.Series(np.arange(rows) % 2, dtype="float64")
    table = CleanTable(pd.DataFrame({"weight": weights}), target, target.astype(str))
    found = slices(contract, table, np.full(rows, 0.5), 0.5)
    assert len(found) == MAX_SLICES
    assert max(found, key=lambda one: one.n).value == "0.5"


def test_slices_count_every_row_and_measure_only_where_they_can(trained):
    parts = trained.parts
    found = slices(trained.contract, parts.test, trained.test_scores, 0.3)
    for feature in trained.contract.table.slice_features:
        assert sum(one.n for one in found if one.feature == feature) == len(parts.test)
    assert any(one.value == "(missing)" for one in found)
    assert all(one.metrics is None for one in found if one.n < 30)
    assert any(one.metrics is not None and 0 < one.metrics["roc_auc"] <= 1 for one in found)


def test_a_slice_of_one_class_has_no_metrics(trained):
    test = trained.parts.test
    name = trained.contract.table.slice_features[0]
    one_class = test.take(np.flatnonzero((test.target == 0).to_numpy()))
    found = slices(trained.contract, one_class, trained.test_scores[: len(one_class)], 0.3)
    assert {one.metrics is None for one in found if one.feature == name} == {True}


def test_the_bootstrap_tells_a_better_model_from_a_worse():
    for difference in compare("binary", TARGET, GOOD, POOR):
        assert difference.low > 0
        assert difference.low <= difference.gain <= difference.high
    assert all(difference.high < 0 for difference in compare("binary", TARGET, POOR, GOOD))


def test_a_model_against_itself_gains_nothing():
    assert all((one.gain, one.low, one.high) == (0, 0, 0) for one in compare("binary", TARGET, GOOD, GOOD))


def test_the_bootstrapped_auc_is_the_auc_of_scikit_learn_with_ties():
    coarse = np.round(GOOD, 1)
    found = {one.metric: one for one in compare("binary", TARGET, coarse, POOR)}["roc_auc"]
    assert found.ours == pytest.approx(roc_auc_score(TARGET, coarse))
    assert found.theirs == pytest.approx(roc_auc_score(TARGET, POOR))


def test_every_task_can_be_compared(trained_for_task):
    scores = trained_for_task.test_scores
    target = trained_for_task.parts.test.target.to_numpy()
    shuffled = np.random.default_rng(0).permutation(scores)
    differences = compare(trained_for_task.contract.table.task, target, scores, shuffled)
    assert all(difference.low > 0 for difference in differences)
