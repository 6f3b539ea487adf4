"""Losses on a grid: the mean stays, and a bet on the counts never promises more than one on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabular.quality.alarm.loss_grid import GRID, counts_on_grid

LOSSES = st.lists(st.floats(0, 1), max_size=50).map(np.array)


@given(LOSSES)
def test_rows_and_mean_are_kept(losses):
    counts = counts_on_grid(losses)
    assert len(counts) == len(GRID)
    assert (counts >= 0).all()
    assert counts.sum() == pytest.approx(len(losses))
    assert counts @ GRID == pytest.approx(losses.sum(), abs=1e-9)


@given(LOSSES, st.floats(0.001, 0.999), st.floats(0.01, 0.95))
def test_a_bet_on_the_counts_pays_no_more_than_one_on_the_rows(losses, limit, stake):
    def pays(loss):
        return np.log1p(stake / limit * (loss - limit))

    assert counts_on_grid(losses) @ pays(GRID) <= pays(losses).sum() + 1e-9


def test_a_bet_on_the_counts_pays_nearly_as_much_as_one_on_the_rows():
    losses = np.random.default_rng(0).beta(0.5, 4, 10_000)
    by_row = np.log1p(0.15 / 0.1 * (losses - 0.1)).mean()
    assert counts_on_grid(losses) @ np.log1p(0.15 / 0.1 * (GRID - 0.1)) / len(losses) == pytest.approx(by_row, abs=1e-4)
