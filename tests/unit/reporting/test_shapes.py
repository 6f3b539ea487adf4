"""What a plot shows: extremes leave the bulk in sight, at any scale; a change is told where the median is silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reporting.charts import histogram, number
from reporting.shapes import change_of_numbers, number_histogram

EXTREMES = {
    "none": (0, 0.0),
    "1 % of 999999": (20, 999_999.0),
    "4 % of 999999": (80, 999_999.0),
    "one 1e9": (1, 1e9),
    "one 1e300": (1, 1e300),
    "a hundred at the least float": (100, -1.7e308),
    "infinite ones": (20, np.inf),
}


def normal(centre: float, extremes: tuple[int, float] = (0, 0.0), seed: int = 0) -> pd.Series:
    values = np.random.default_rng(seed).normal(centre, 1.0, 2_000)
    values[: extremes[0]] = extremes[1]
    return pd.Series(values)


@pytest.mark.parametrize("extremes", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("factor", [1.0, 1e-6, 1e-290])
def test_extremes_leave_the_bulk_in_sight(extremes, factor):
    count, value = extremes
    before = normal(0, (count, value / factor if np.isfinite(value / factor) else value)) * factor
    plot = number_histogram(before, normal(6, seed=1) * factor, whole=False)
    tallest = [max(getattr(bin_, side) for bin_ in plot.bins) for side in ("reference", "current")]
    assert max(tallest) < 0.3, "neither side is one bar"
    assert sum(bin_.reference for bin_ in plot.bins) == pytest.approx(1)
    apart = sum(min(bin_.reference, bin_.current) for bin_ in plot.bins)
    assert apart < 0.1, "the shift is seen"


@pytest.mark.parametrize("value", [0.0, 2e-5, -1e300, 1.7e308])
def test_a_constant_is_one_bar(value):
    plot = number_histogram(pd.Series([value] * 9), pd.Series([value] * 9), whole=False)
    assert 1.0 in [bin_.reference for bin_ in plot.bins]
    assert "nan" not in histogram("x", plot)


def test_whole_numbers_with_an_absurd_one_keep_their_bars():
    counts = pd.Series([1.0, 2, 3, 4] * 500 + [1e15])
    plot = number_histogram(counts, counts, whole=True)
    assert [bin_.name for bin_ in plot.bins] == ["1", "2", "3", "4"]


def test_rare_values_of_a_column_that_is_mostly_zero_are_shown():
    rare = pd.Series([0.0] * 1_900 + list(np.linspace(1, 50, 60)) + [1e6])
    assert len(number_histogram(rare, rare, whole=True).bins) > 10


def test_a_change_that_leaves_the_median_is_told_where_it_is_largest():
    before, now = pd.Series([0.0] * 8 + [1.0, 1.0]), pd.Series([0.0] * 6 + [1.0] * 4)
    assert change_of_numbers(before, now) == "up to 0: 80 % → 60 %"
    assert change_of_numbers(before, before + 1) == "median 0 → 1"


def test_an_absurd_number_is_short():
    assert (number(1e300), number(-1e15), number(999_999.4)) == ("1e+300", "-1e+15", "999,999")
