"""Samples of the prediction store over a real connection: uniform, and honest about how much they leave out."""

from __future__ import annotations

import math
import uuid
from datetime import timedelta

import pytest

from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import level_of
from tests.adapters.noon import NOON, prediction


def scattered(rows: int, run_id: str = "run1") -> list[Prediction]:
    """Predictions with ids as they really are."""
    names = (uuid.uuid5(uuid.NAMESPACE_DNS, f"{run_id}{at}") for at in range(rows))
    return [prediction(at, id=str(name), run_id=run_id) for at, name in enumerate(names)]


@pytest.fixture(scope="module")
def many(store, settings):
    """5,000 predictions of one run, and 300 of another."""
    adapter = MongoPredictions(settings.mongo_uri, f"test_{uuid.uuid4().hex}")
    adapter.save([*scattered(5_000), *scattered(300, "run2")])
    yield adapter
    adapter.close()


def test_a_sample_of_a_period_is_uniform_and_knows_its_share(many):
    sample = many.sample_between(NOON, NOON + timedelta(seconds=1), 500, "run1")
    assert 125 <= len(sample.predictions) <= 500
    assert (sample.is_whole, sample.is_cut) == (False, False)
    level = round(-math.log2(sample.share))
    assert [found.id for found in sample.predictions] == [
        one.id for one in reversed(scattered(5_000)) if level_of(one.id) >= level
    ]
    assert sample.rows == pytest.approx(5_000, rel=0.3)


def test_the_newest_of_a_run_are_sampled_from_so_many_and_no_further_back(many):
    sample = many.sample_latest(2_500, 500, "run1")
    assert 250 <= len(sample.predictions) <= 500
    assert sample.rows == pytest.approx(2_500, rel=0.02)
    oldest = sample.predictions[-1].made_at
    assert oldest == pytest.approx(NOON + timedelta(microseconds=2_500), abs=timedelta(microseconds=600))


def test_a_run_smaller_than_the_window_is_sampled_whole(many):
    sample = many.sample_latest(1_000_000, 500, "run1")
    assert 125 <= len(sample.predictions) <= 500
    assert sample.rows == pytest.approx(5_000, rel=0.3)
    few = many.sample_latest(1_000_000, 500, "run2")
    assert (len(few.predictions), few.is_whole, few.error) == (300, True, 0.0)


def test_a_window_that_fits_is_read_whole(many):
    assert many.sample_latest(400, 500, "run1").predictions == many.latest(400, "run1")
    period = (NOON + timedelta(microseconds=100), NOON + timedelta(microseconds=500))
    sample = many.sample_between(*period, 500, "run1")
    assert sample.is_whole
    assert [found.run_id for found in sample.predictions] == ["run1"] * 400


def test_predictions_of_other_runs_are_counted(many):
    period = (NOON, NOON + timedelta(seconds=1))
    assert many.about_others_between(*period, "run1") == 300
    assert many.about_others_between(*period, "run2") == pytest.approx(5_000, rel=0.3)
    assert many.about_others_between(*period, "run1", "rides") == 0, "those of another table are not counted"
    assert many.about_others_between(NOON + timedelta(seconds=1), NOON + timedelta(seconds=2), "run1") == 0


def test_documents_from_before_there_were_levels_are_cut_to_the_newest_and_that_is_told(predictions):
    predictions.save([prediction(at) for at in range(400)])
    predictions._data.update_many({}, {"$unset": {"level": ""}})
    for sample in (
        predictions.sample_latest(1_000, 100, "run1"),
        predictions.sample_between(NOON, NOON + timedelta(seconds=1), 100, "run1"),
    ):
        assert [found.id for found in sample.predictions] == [f"p{at}" for at in range(399, 299, -1)]
        assert (sample.is_cut, sample.share) == (True, 1.0)
        assert sample.error > 0
