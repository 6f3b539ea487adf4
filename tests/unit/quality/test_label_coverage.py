"""Labelled against unlabelled predictions by score."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from tabular.quality.labelled.coverage import label_coverage


def test_labels_that_come_for_high_scores_alone_are_seen():
    scores = np.linspace(0, 1, 1_000)
    found = label_coverage(scores, scores > 0.8)
    assert len(found) == 10
    assert [decile.predictions for decile in found[1:-1]] == [100] * 8
    assert [round(decile.share, 1) for decile in found] == [0.0] * 8 + [1.0] * 2


def test_every_prediction_is_in_one_decile_however_many_scores_are_equal():
    draw = np.random.default_rng(0)
    scores = np.round(draw.random(5_000), 1)
    is_labelled = draw.random(5_000) < 0.3
    found = label_coverage(scores, is_labelled)
    assert sum(decile.predictions for decile in found) == 5_000
    assert sum(decile.labelled for decile in found) == is_labelled.sum()
    assert all(before.high < after.low for before, after in pairwise(found))


def test_one_score_is_one_decile_and_none_is_none():
    [only] = label_coverage([0.5] * 7, [True] * 2 + [False] * 5)
    assert (only.low, only.high, only.predictions, only.labelled) == (0.5, 0.5, 7, 2)
    assert label_coverage([], []) == ()
    assert label_coverage([math.nan], [True]) == ()
