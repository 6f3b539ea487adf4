"""A model that is certainly worse than the champion on a slice is rejected; chance alone rejects few."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from model_orchestration.evaluation.by_slice.differences import (
    MIN_ROWS,
    no_slice_worse_than_champion,
    slice_differences,
)
from tabular.data.table import CleanTable

SAMPLES = 400


@pytest.fixture
def sliced(tiny_contract):
    return tiny_contract(change=lambda file: file["table"].update(slice_features=["class"]))


def table_of(draw, rows, values=5):
    """Rows of a binary task with so many values of the slice feature, and the true probability of each."""
    truth = draw.uniform(0.02, 0.98, rows)
    target = pd.Series((draw.random(rows) < truth).astype(float))
    features = pd.DataFrame({"class": draw.integers(0, values, rows).astype(str)})
    return CleanTable(features, target, target.astype(str)), truth


def shaken(draw, truth, deviation):
    return 1 / (1 + np.exp(-np.log(truth / (1 - truth)) - draw.normal(0, deviation, len(truth))))


def test_equal_models_are_rejected_in_no_more_than_one_of_twenty(sliced):
    draw, rejected = np.random.default_rng(0), 0
    for _ in range(SAMPLES):
        table, truth = table_of(draw, 2_000)
        found = slice_differences(sliced, table, shaken(draw, truth, 0.3), shaken(draw, truth, 0.3))
        assert len(found) == 5
        rejected += any(one.high < 0 for one in found)
    assert rejected <= 0.05 * SAMPLES


def test_the_intervals_hold_the_true_gain_of_every_slice_together(sliced):
    draw, held = np.random.default_rng(1), 0
    for _ in range(SAMPLES):
        table, truth = table_of(draw, 2_000)
        ours, theirs = np.full(len(truth), 0.5), shaken(draw, truth, 0.1)
        # In expectation over the target, given the scores: the gain is known exactly.
        expected = -np.log(theirs) * truth - np.log(1 - theirs) * (1 - truth) + np.log(0.5)
        classes = table.features["class"].to_numpy()
        held += all(
            one.low <= expected[classes == one.value].mean() <= one.high
            for one in slice_differences(sliced, table, ours, theirs)
        )
    assert held >= 0.93 * SAMPLES


def test_a_model_that_is_broken_on_one_slice_alone_is_rejected_by_its_name(sliced):
    draw = np.random.default_rng(2)
    table, truth = table_of(draw, 2_500)
    ours = truth.copy()
    ours[(table.features["class"] == "3").to_numpy()] = 0.5
    found = slice_differences(sliced, table, ours, shaken(draw, truth, 0.4))
    rejection = no_slice_worse_than_champion(SimpleNamespace(slices_against_champion=found))
    assert "class = 3 (" in rejection.why
    assert "class = 2 (" not in rejection.why


def test_a_slice_of_few_rows_and_one_that_is_all_rows_are_not_judged(sliced):
    table, truth = table_of(np.random.default_rng(3), MIN_ROWS + 100)
    assert slice_differences(sliced, table, 1 - truth, truth) == []
    table.features["class"] = "A"
    assert slice_differences(sliced, table, 1 - truth, truth) == []


def test_rows_of_one_group_count_as_dependent(sliced):
    draw = np.random.default_rng(4)
    table, truth = table_of(draw, 1_000, values=2)
    ours, theirs = shaken(draw, truth, 0.5), truth
    alone = slice_differences(sliced, table, ours, theirs)
    several = CleanTable(
        pd.concat([table.features] * 4, ignore_index=True),
        pd.concat([table.target] * 4, ignore_index=True),
        pd.concat([table.target] * 4, ignore_index=True).astype(str),
        groups=pd.Series(np.tile(np.arange(1_000).astype(str), 4)),
    )
    grouped = slice_differences(sliced, several, np.tile(ours, 4), np.tile(theirs, 4))
    for one, other in zip(alone, grouped, strict=True):
        assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-6)
