"""The detector: its rate of false alarms where every share is at the end of its tolerance, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from tabular.quality.alarm.detector import Detector
from tabular.quality.alarm.e_detector import MOST

ROWS = 100
FEATURES = ("amount", "amount", "kind")
LOWEST, HIGHEST = np.array([0.2, 0.7, 0.0]), np.array([0.3, 0.8, 0.05])


def detector(threshold=1_000.0):
    return Detector(FEATURES, LOWEST, HIGHEST, threshold)


def block(draw, shares, rows=ROWS):
    return np.full(len(shares), rows), draw.binomial(rows, shares)


def first_alarm(draw, shares, threshold, blocks):
    one = detector(threshold)
    for at in range(blocks):
        one.add(*block(draw, shares))
        if one.is_raised:
            return at
    return None


@pytest.mark.parametrize("shares", [HIGHEST, LOWEST], ids=["highest", "lowest"])
def test_where_every_share_is_at_its_limit_false_alarms_are_as_rare_as_the_threshold_says(shares):
    draw, blocks, threshold, runs = np.random.default_rng(0), 100, 400.0, 200
    alarms = sum(first_alarm(draw, shares, threshold, blocks) is not None for _ in range(runs))
    # Of 100 blocks at most 100 / 400 of the runs, and here three standard errors more.
    assert alarms <= runs * blocks / threshold + 3 * np.sqrt(runs * 0.25 * 0.75)


def test_within_the_tolerance_there_is_no_alarm():
    draw = np.random.default_rng(1)
    assert first_alarm(draw, (LOWEST + HIGHEST) / 2, 1_000.0, 3_000) is None


@pytest.mark.parametrize("shares", [[0.4, 0.75, 0.02], [0.1, 0.75, 0.02], [0.25, 0.75, 0.15]])
def test_a_share_that_leaves_its_tolerance_is_found_whichever_way_it_goes(shares):
    found = first_alarm(np.random.default_rng(2), np.array(shares), 1_000.0, 50)
    assert found is not None
    assert found < 20


def test_the_evidence_names_the_feature_and_is_the_mean_of_all():
    one, draw = detector(), np.random.default_rng(3)
    for _ in range(20):
        one.add(*block(draw, np.array([0.25, 0.75, 0.2])))
    by_feature = one.evidence_by_feature()
    assert max(by_feature, key=by_feature.__getitem__) == "kind"
    assert one.evidence == pytest.approx(np.mean(list(by_feature.values())))


def test_an_alarm_ends_after_its_cause_and_may_come_again():
    one, draw = detector(), np.random.default_rng(4)
    good, bad = np.array([0.25, 0.75, 0.02]), np.array([0.6, 0.75, 0.02])
    for _ in range(200):
        one.add(*block(draw, bad))
    assert one.since is not None
    assert one.since < 3
    while one.is_raised and one.blocks < 300:
        one.add(*block(draw, good))
    assert not one.is_raised
    ended = one.blocks
    for _ in range(20):
        one.add(*block(draw, bad))
    assert one.since is not None
    assert one.since >= ended


def test_a_block_without_rows_says_nothing_and_the_largest_one_breaks_nothing():
    one = detector()
    one.add(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64))
    assert (one.blocks, one.is_raised) == (1, False)
    one.add(np.full(3, 10**9), np.full(3, 10**9))
    assert one.is_raised
    assert np.isfinite(one.evidence)
    assert one.evidence <= MOST * len(FEATURES) * 2 * 4


def test_a_share_that_can_go_no_further_raises_no_alarm():
    always = Detector(("kind",), np.array([0.9]), np.array([1.0]), 10.0)
    for _ in range(50):
        always.add(np.array([ROWS]), np.array([ROWS]))
    assert not always.is_raised
    assert Detector((), np.array([]), np.array([]), 10.0).evidence == 0.0
