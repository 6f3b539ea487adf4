"""One measure of how closely two columns go together, whatever their kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabular.quality.association import MISSING_BIN, association, binned_categories, binned_numbers

DRAW = np.random.default_rng(0)
ROWS = 5_000
NUMBERS = pd.Series(DRAW.normal(size=ROWS))


def test_unrelated_columns_have_an_association_near_none_in_a_hundred_draws():
    draw = np.random.default_rng(1)
    found = [
        association(
            binned_numbers(pd.Series(draw.normal(size=500))),
            binned_categories(pd.Series(draw.choice(list("abcd"), 500))),
        )
        for _ in range(100)
    ]
    assert np.mean(found) < 0.04
    assert max(found) < 0.15


def test_a_column_and_what_it_is_computed_from_go_wholly_together():
    same = binned_numbers(NUMBERS)
    assert association(same, same) == pytest.approx(1, abs=0.01)
    named = binned_categories(pd.Series(np.where(NUMBERS > 0, "up", "down")))
    assert association(same, named) > 0.9


def test_a_bend_is_seen_where_a_rank_correlation_is_none():
    squared = binned_numbers(NUMBERS**2)
    assert abs(NUMBERS.corr(NUMBERS**2, method="spearman")) < 0.1
    assert association(binned_numbers(NUMBERS), squared) > 0.5


def test_missing_values_are_a_bin_so_that_a_gap_that_tells_is_seen():
    gaps = pd.Series(np.where(NUMBERS > 1, np.nan, DRAW.normal(size=ROWS)))
    found = binned_numbers(gaps)
    assert found.names[-1] == MISSING_BIN
    assert association(found, binned_numbers(NUMBERS)) > 0.3


def test_rare_categories_share_a_bin_and_empty_bins_have_none():
    values = pd.Series([f"c{at % 300}" for at in range(ROWS)] + ["often"] * ROWS)
    assert binned_categories(values).names[0] == "often"
    assert len(binned_categories(values).names) == 21
    assert binned_numbers(pd.Series([1.0, 1.0, 2.0])).names == ("to 1", "above 1")
    assert binned_numbers(pd.Series([np.nan, np.nan])).names == (MISSING_BIN,)
    assert association(binned_numbers(pd.Series([3.0, 3.0])), binned_numbers(pd.Series([1.0, 2.0]))) == 0
