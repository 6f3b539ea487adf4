"""Intervals: influences against the bootstrap, coverage against a truth that is known, groups, and the edges."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.influence import influences
from tabular.quality.intervals import intervals, standard_error
from tabular.quality.metrics import metrics

REPEATS = 400
ERROR = 4 * np.sqrt(0.05 * 0.95 / REPEATS)
"""Four standard errors of a share of 95 % among so many repeats."""


def binary(rows, draw):
    target = (draw.random(rows) < 0.2).astype(float)
    log_odds = np.log(0.25) + 1.5 * (draw.normal(size=rows) + 1.5 * target) - 1.125
    return target, 1 / (1 + np.exp(-log_odds))


def multiclass(rows, draw):
    target = draw.integers(0, 3, rows)
    odds = np.exp(1.5 * (draw.normal(size=(rows, 3)) + 1.5 * np.eye(3)[target]))
    return target.astype(float), odds / odds.sum(axis=1, keepdims=True)


def regression(rows, draw):
    score = draw.normal(size=rows)
    return score + draw.normal(size=rows), score


OFF_BY = 0.8
TASKS = {"binary": binary, "multiclass": multiclass, "regression": regression}


@pytest.mark.parametrize("task", TASKS)
def test_the_standard_error_is_that_of_the_bootstrap(task):
    draw = np.random.default_rng(0)
    target, scores = TASKS[task](1_000, draw)
    found = influences(task, target, scores, 0.4, OFF_BY)
    assert {*found} == {*metrics(task, target, scores, 0.4, OFF_BY)} - {"f1_threshold"}
    samples = [draw.integers(0, 1_000, 1_000) for _ in range(300)]
    again = [metrics(task, target[rows], scores[rows], 0.4, OFF_BY) for rows in samples]
    for name, influence in found.items():
        assert influence.mean() == pytest.approx(0, abs=1e-9), name
        bootstrap = np.std([one[name] for one in again])
        assert standard_error(influence) == pytest.approx(bootstrap, rel=0.2), name


@pytest.mark.parametrize("task", TASKS)
def test_the_truth_is_within_95_of_100_intervals(task):
    """400 samples of 400 rows, against the metrics of 400,000."""
    draw = np.random.default_rng(1)
    truth = metrics(task, *TASKS[task](400_000, draw), 0.4, OFF_BY)
    within = dict.fromkeys(truth, 0)
    for _ in range(REPEATS):
        for name, (low, high) in intervals(task, *TASKS[task](400, draw), 0.4, off_by=OFF_BY).items():
            within[name] += low <= truth[name] <= high
    within.pop("f1_threshold", None)
    assert within == pytest.approx(dict.fromkeys(within, 0.95 * REPEATS), abs=ERROR * REPEATS)


def test_rows_that_stand_five_times_say_no_more_than_once():
    target, scores = binary(300, np.random.default_rng(2))
    once = intervals("binary", target, scores)
    repeated = intervals("binary", np.tile(target, 5), np.tile(scores, 5), groups=np.tile(np.arange(300), 5))
    for name, interval in once.items():
        assert repeated[name] == pytest.approx(interval, abs=0.02), name
    naive = intervals("binary", np.tile(target, 5), np.tile(scores, 5))
    assert np.ptp(naive["roc_auc"]) < 0.6 * np.ptp(once["roc_auc"])


def test_a_perfect_ranking_of_few_rows_is_not_certain():
    found = intervals("binary", np.r_[np.zeros(50), np.ones(10)], np.r_[np.full(50, 0.1), np.full(10, 0.9)])
    assert found["roc_auc"] == pytest.approx((0.025 ** (1 / 10), 1.0))  # as with 10 of 10 successes
    assert 0.92 < found["accuracy"].low < 0.95


@pytest.mark.parametrize("task", TASKS)
def test_intervals_hold_their_metric_and_stay_in_range(task):
    for rows in (12, 40):
        target, scores = TASKS[task](rows, np.random.default_rng(3))
        found = metrics(task, target, scores)
        for name, (low, high) in intervals(task, target, scores).items():
            assert low <= found[name] <= high, name
            assert name == "r2" or low >= 0, name


def test_one_class_has_no_ranking_and_no_interval_of_one():
    assert "roc_auc" not in intervals("binary", np.zeros(20), np.linspace(0.1, 0.5, 20))
