"""The decision about a challenger: by whichever side is certain first, or by what it has used up."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.sequential.challenge import Budget, evidence, is_used_up


def differences(gain, rows=4_000, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(gain, 0.1, rows), -1, 1)


@pytest.mark.parametrize(("gain", "finding"), [(0.02, "better"), (-0.02, "worse"), (0.0, "undecided")])
def test_a_gain_is_told_from_a_loss_and_from_nothing(gain, finding):
    found = evidence(differences(gain), 0.95)
    assert found.finding == finding
    assert found.labels == 4_000
    low, high = found.interval
    assert low < found.gain < high
    assert (low > 0, high < 0) == (finding == "better", finding == "worse")


def test_the_side_that_was_certain_first_stands():
    first_better = np.concatenate([differences(0.05), differences(-0.05, 12_000)])
    assert first_better.mean() < 0
    assert evidence(first_better, 0.95).finding == "better"
    assert evidence(-first_better, 0.95).finding == "worse"


def test_more_confidence_takes_more_labels():
    found = differences(0.02, 600, seed=3)
    assert evidence(found, 0.9).finding == "better"
    assert evidence(found, 0.999999).finding == "undecided"


def test_nothing_is_known_without_a_label():
    assert evidence(np.empty(0), 0.95) == ("undecided", 0, 0.0, (-1.0, 1.0))


def test_a_budget_is_used_up_by_labels_or_by_days():
    budget = Budget(labels=1_000, days=30)
    assert is_used_up(budget, 999, 29.9) is None
    assert is_used_up(budget, 1_000, 1) == "1,000 labelled predictions"
    assert is_used_up(budget, 10, 30.04) == "30 days"
