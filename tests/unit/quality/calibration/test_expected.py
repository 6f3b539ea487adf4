"""The expected metrics are the means, and their errors the spread, of the metrics of outcomes drawn many times."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.calibration.expected import expected_metrics
from tabular.quality.metrics import metrics

ROWS, DRAWS = 400, 300


def rows_of(task, draw):
    """Scores, with ties, and probabilities that differ from them."""
    if task == "binary":
        scores = draw.beta(1, 3, ROWS).round(2)
        return scores, np.clip(scores**1.3, 0.01, 0.97)
    odds = np.exp(draw.normal([0, 0.5, -0.5, -1], 1.2, (ROWS, 4)))
    bold = odds**1.5
    return bold / bold.sum(axis=1, keepdims=True), odds / odds.sum(axis=1, keepdims=True)


def outcomes(task, probabilities, draw):
    if task == "binary":
        return (draw.random(ROWS) < probabilities).astype(np.float64)
    return (draw.random((ROWS, 1)) > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1).astype(np.float64)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_they_are_the_mean_and_the_spread_of_300_draws(task):
    draw = np.random.default_rng(0)
    scores, probabilities = rows_of(task, draw)
    found = expected_metrics(task, scores, probabilities)
    drawn = [metrics(task, outcomes(task, probabilities, draw), scores) for _ in range(DRAWS)]
    assert set(found) == {"roc_auc", "log_loss", "brier", "accuracy"}
    for name, one in found.items():
        values = np.array([each[name] for each in drawn])
        spread = values.std()
        assert abs(one.value - values.mean()) < 4 * spread / np.sqrt(DRAWS) + 0.02 * spread, name
        assert one.outcome_error == pytest.approx(spread, rel=0.12), name


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_gradient_says_how_a_metric_changes_with_the_probabilities(task):
    draw = np.random.default_rng(1)
    scores, probabilities = rows_of(task, draw)
    change = draw.normal(0, 1e-6, probabilities.shape)
    if task == "multiclass":
        change -= change.mean(axis=1, keepdims=True)
    before, after = (expected_metrics(task, scores, each) for each in (probabilities, probabilities + change))
    for name, one in before.items():
        assert after[name].value - one.value == pytest.approx(float(np.sum(one.gradient * change)), rel=1e-3), name


def test_scores_that_are_all_equal_rank_nothing():
    found = expected_metrics("binary", np.full(50, 0.3), np.full(50, 0.3))
    assert found["roc_auc"].value == pytest.approx(0.5)
    assert found["accuracy"].value == pytest.approx(0.7)


def test_without_expected_rows_of_a_class_there_is_no_ranking():
    found = expected_metrics("binary", np.full(50, 0.001), np.full(50, 0.001))
    assert "roc_auc" not in found
    assert "log_loss" in found


def test_certain_probabilities_give_the_metrics_of_their_outcomes():
    draw = np.random.default_rng(2)
    scores, probabilities = rows_of("binary", draw)
    target = outcomes("binary", probabilities, draw)
    found, measured = expected_metrics("binary", scores, target), metrics("binary", target, scores)
    for name, one in found.items():
        assert one.value == pytest.approx(measured[name]), name
        assert one.outcome_error == pytest.approx(0, abs=1e-9), name
