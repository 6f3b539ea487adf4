"""Sampling by id: uniform, the same at every look, with an error that holds."""

from __future__ import annotations

import math
import uuid

import numpy as np
import pytest

from tabular.predictions.sampling import MAX_LEVEL, Sample, level_of, sampling_error, thinned

IDS = [str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{at}")) for at in range(40_000)]
LEVELS = np.array([level_of(name) for name in IDS])


@pytest.mark.parametrize("level", range(7))
def test_half_of_the_ids_of_a_level_reach_the_next(level):
    expected = 0.5**level
    assert np.mean(level <= LEVELS) == pytest.approx(expected, abs=4 * math.sqrt(expected / len(IDS)))
    assert LEVELS.max() <= MAX_LEVEL


def test_an_id_without_a_draw_has_the_highest_level():
    empty = ""  # its checksum is 0
    assert level_of(empty) == MAX_LEVEL


def test_the_error_holds_in_99_of_100_samples():
    draw, rows = np.random.default_rng(0), 500
    worst = []
    for _ in range(1_000):
        values = np.sort(draw.random(rows))
        worst.append(np.max(np.abs(np.arange(1, rows + 1) / rows - values)))
    assert np.mean(np.array(worst) > sampling_error(rows)) <= 0.02
    assert np.mean(np.array(worst) > sampling_error(rows) / 2) > 0.1, "it is no wild exaggeration"
    assert sampling_error(0) == 1.0


class Store:
    """A window of levels, newest first, that counts what is read."""

    def __init__(self, levels) -> None:
        self.levels, self.rows_read = levels, 0

    def read(self, level, limit):
        found = [{"level": one} for one in self.levels if level == 0 or (one is not None and one >= level)][:limit]
        self.rows_read += len(found)
        return found


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 1_300, 2_000, 5_000, 16_000, 40_000])
def test_never_more_than_asked_nor_needlessly_few_at_any_size(rows):
    store = Store(LEVELS[:rows].tolist())
    found, share, is_cut = thinned(store.read, store.read, 1_000)
    assert len(found) <= 1_000
    assert len(found) == rows or len(found) >= 250
    assert not is_cut
    assert len(found) / share == pytest.approx(rows, rel=0.2)
    assert store.rows_read <= 4_000, "the cost does not grow with the window"


@pytest.mark.parametrize("newest", [500, 1_500, 8_000, 30_000, 1_000_000])
def test_the_newest_so_many_are_sampled(newest):
    store = Store(LEVELS.tolist())
    found, share, is_cut = thinned(store.read, store.read, 1_000, newest)
    assert 250 <= len(found) <= 1_000
    assert not is_cut
    assert len(found) / share == pytest.approx(min(newest, 40_000), rel=0.2)


def test_a_window_without_levels_is_cut_to_its_newest():
    store = Store([None] * 5_000)
    assert thinned(store.read, store.read, 1_000)[1:] == (1.0, True)
    assert len(thinned(store.read, store.read, 1_000, 4_000)[0]) == 1_000


def test_a_whole_window_has_no_error_and_a_cut_one_has():
    assert (Sample([]).rows, Sample([]).error) == (0, 0.0)
    assert Sample([], is_cut=True).error == 1.0
