"""What no unit and no extreme may change: whether a column drifted. One column of numbers, beside a whole table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabular.model.bundle import REFERENCE_SCORE
from tabular.quality.drift import Drift, compare
from tabular.quality.two_sample import MIN_DISTANCE, is_drift, most_moved, of_numbers

FACTORS = (1e-300, 1e-6, 1e30, 1e300, -1.0, -1e-300)
EXTREMES = {
    "1 % of 999999": lambda values: np.where(np.arange(len(values)) % 100 == 0, 999_999.0, values),
    "one 1e9": lambda values: np.where(np.arange(len(values)) == 7, 1e9, values),
    "sixty absurd distances": lambda values: np.where(np.arange(len(values)) < 60, 40_000_000.0, values),
    "1e300": lambda values: np.where(np.arange(len(values)) == 7, 1e300, values),
    "both far ends": lambda values: np.where(
        np.arange(len(values)) < 4, [1.7e308, -1.7e308] * (len(values) // 2), values
    ),
    "infinite ones": lambda values: np.where(np.arange(len(values)) < 4, np.inf, values),
}


def normal(rows: int, centre: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 1.0, rows)


@pytest.fixture(scope="module")
def judged(contract, bundle):
    """One feature's comparison, all other columns being as in the reference."""
    name = next(feature.name for feature in contract.features if feature.kind == "number")
    table = bundle.reference()

    def judged(before, now):
        frames = [table.iloc[np.arange(len(side)) % len(table)].reset_index(drop=True) for side in (before, now)]
        frames = [frame.assign(**{name: side}) for frame, side in zip(frames, (before, now), strict=True)]
        drift = compare(*frames, contract)
        assert isinstance(drift, Drift)
        return next(column for column in drift.columns if column.name == name)

    return judged


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shift", [0.0, 0.6, 6.0])
def test_a_factor_on_both_sides_changes_nothing_that_is_told(judged, factor, shift):
    before, now = normal(2_000), normal(1_000, shift, seed=1)
    plain, scaled = judged(before, now), judged(before * factor, now * factor)
    assert (scaled.drifted, scaled.aspect) == (plain.drifted, plain.aspect) == (shift > 0, "values")
    assert scaled.distance == pytest.approx(plain.distance, abs=2e-3)
    assert np.log(scaled.p_value + 1e-300) == pytest.approx(np.log(plain.p_value + 1e-300), rel=0.05)


@pytest.mark.parametrize("strange", EXTREMES.values(), ids=EXTREMES)
def test_extremes_on_both_sides_hide_no_shift_and_make_none(judged, strange):
    before = strange(normal(2_000))
    assert judged(before, strange(normal(1_000, 6.0, seed=1))).drifted
    assert not judged(before, strange(normal(2_000, seed=1))).drifted


@pytest.mark.parametrize("rate", [2e-5, 1e-12, 3e-300])
def test_a_small_rate_that_quadruples_is_drift(judged, rate):
    before, now = (np.random.default_rng(seed).exponential(rate, 1_000) for seed in (0, 1))
    assert judged(before, 4 * now).drifted
    assert not judged(before, now).drifted


def test_a_trifle_at_a_million_rows_is_certain_and_no_drift():
    before, now = pd.Series(normal(1_000_000)), pd.Series(normal(1_000_000, 0.05, seed=1))
    p_value, distance = of_numbers(before, now)
    assert p_value < 1e-100
    assert distance < MIN_DISTANCE["ks_distance"] / 2
    assert not is_drift(p_value, distance, "ks_distance")


def test_scores_are_judged_like_features(contract, bundle):
    frame = bundle.reference().head(1_000).reset_index(drop=True)
    before, now = (frame.assign(**{REFERENCE_SCORE: normal(1_000, at, seed)}) for at, seed in ((0.0, 0), (6.0, 1)))
    for factor in FACTORS:
        sides = [side.assign(**{REFERENCE_SCORE: side[REFERENCE_SCORE] * factor}) for side in (before, now)]
        moved, still = compare(*sides, contract), compare(sides[0], sides[0], contract)
        assert moved.prediction.drifted
        assert not still.prediction.drifted


def test_infinite_numbers_are_missing_ones_and_many_of_them_are_drift(judged):
    found = judged(normal(1_000), np.where(np.arange(1_000) < 300, -np.inf, normal(1_000, seed=1)))
    assert (found.aspect, found.missing_share, found.drifted) == ("missing", 0.3, True)


def test_where_two_samples_differ_most_is_told_with_both_shares():
    assert most_moved(np.array([0.0, 0.0, 0.0, 5.0]), np.array([0.0, 5.0, 5.0, 5.0])) == (0.0, 0.75, 0.25)


def test_one_value_on_each_side_shows_nothing_and_has_a_p_value():
    one, other = pd.Series([0.0]), pd.Series([9.0])
    assert of_numbers(one, other) == (1.0, 1.0)


def test_a_number_that_is_there_once_on_each_side_is_told_with_a_p_value(judged):
    once = np.full(400, np.nan)
    once[7] = 1.0
    found = judged(once, 2 * once)
    assert not found.drifted
    assert found.p_value == 1.0
