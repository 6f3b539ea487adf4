"""The port `ShadowStore`: the prediction store and its twin in memory give the same."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pymongo
import pytest

from tabular.errors import Unavailable
from tabular.settings import Settings, with_values
from tabular.shadow.score import ShadowProgress, ShadowScore
from tabular.wiring import Wiring
from tests.adapters.memory.shadow import MemoryShadow
from tests.adapters.noon import NOON, prediction

LATER = NOON + timedelta(hours=1)


def score(at=0, run_id="run2", **changes):
    fields = {"prediction_id": f"p{at}", "run_id": run_id, "table": "churn", "score": 0.1 + 0.2}
    times = {"made_at": NOON + timedelta(microseconds=at), "scored_at": LATER + timedelta(microseconds=1)}
    return ShadowScore(**(fields | times | changes))


def micro(at):
    return NOON + timedelta(microseconds=at)


@pytest.fixture
def wiring(store, settings, database):
    return Wiring(msgspec.structs.replace(settings, mongo_database=database))


@pytest.fixture(params=["mongo", "memory"])
def both(request):
    """The shadow, and the predictions that it reads."""
    if request.param == "memory":
        shadow = MemoryShadow()
        yield shadow, shadow.stored
        return
    wiring = request.getfixturevalue("wiring")
    shadow, predictions = wiring.shadow(), wiring.predictions()
    yield shadow, predictions
    shadow.close()
    predictions.close()


def test_predictions_come_oldest_first_and_none_is_passed_over(both):
    shadow, predictions = both
    predictions.save([prediction(at) for at in (5, 1, 3)] + [prediction(2, table="taxi", id="other")])
    found = shadow.predictions("churn", NOON, LATER, 10)
    assert [one.id for one in found.predictions] == ["p1", "p3", "p5"]
    assert found.until == LATER
    assert [one.id for one in shadow.predictions("churn", micro(3), micro(5), 10).predictions] == ["p3"]


def test_reading_on_from_where_it_ended_gives_each_prediction_once(both):
    shadow, predictions = both
    # Batches of one time each, larger and smaller than what is asked for.
    made = [prediction(at // 7 * 10, id=f"p{at:02}") for at in range(30)]
    predictions.save(made)
    since, seen = NOON, []
    while since < LATER:
        found = shadow.predictions("churn", since, LATER, 3)
        assert found.until > since
        assert all(since <= one.made_at < found.until for one in found.predictions)
        seen += [one.id for one in found.predictions]
        since = found.until
    assert sorted(seen) == [one.id for one in made]


def test_a_score_is_stored_once_a_prediction_and_run(both):
    shadow, _ = both
    assert shadow.save([score(1), score(2), score(1, run_id="run3")]) == 3
    assert shadow.save([score(1, score=0.9), score(3)]) == 1
    assert shadow.scores("run2", ["p1", "p3", "p9"]) == {"p1": score(1), "p3": score(3)}
    assert shadow.scores("run3", ["p1", "p2"]) == {"p1": score(1, run_id="run3")}
    assert shadow.save([]) == 0
    assert shadow.scores("run2", []) == {}


def test_scores_come_back_bit_identical_with_every_class(both):
    shadow, _ = both
    probabilities = {"a": 1 / 3, "b": 2 / 3, "c": 5e-324}
    one = score(1, score=2 / 3, probabilities=probabilities, predicted_class="b")
    shadow.save([one])
    assert shadow.scores("run2", ["p1"]) == {"p1": one}


def test_a_score_that_is_no_number_comes_back_as_none(both):
    shadow, _ = both
    shadow.save([score(1, score=math.nan), score(2, score=0.5, probabilities={"a": math.nan, "b": 0.5})])
    found = shadow.scores("run2", ["p1", "p2"])
    assert math.isnan(found["p1"].score)
    assert math.isnan(found["p2"].probabilities["a"])


def test_progress_is_each_run_s_own_and_the_last_that_was_stored(both):
    shadow, _ = both
    one = ShadowProgress(run_id="run2", table="churn", since=NOON, position=micro(7), read_again=micro(3))
    assert shadow.progress("churn", "run2") is None
    for position in (micro(9), micro(11)):
        shadow.save_progress(msgspec.structs.replace(one, position=position))
    assert shadow.progress("churn", "run2") == msgspec.structs.replace(one, position=micro(11))
    assert shadow.progress("taxi", "run2") is None
    assert shadow.progress("churn", "run3") is None


def test_what_is_no_prediction_is_passed_over(wiring, settings, database):
    shadow, predictions = wiring.shadow(), wiring.predictions()
    predictions.save([prediction(1), prediction(3)])
    client = pymongo.MongoClient(settings.mongo_uri)
    client[database]["data"].insert_one({"_id": "x", "table": "churn", "made_at_us": 1_772_366_400_000_002})
    client.close()
    assert [one.id for one in shadow.predictions("churn", NOON, LATER, 2).predictions] == ["p1"]
    found = shadow.predictions("churn", micro(2), LATER, 5)
    assert ([one.id for one in found.predictions], found.until) == (["p3"], LATER)
    shadow.close()
    predictions.close()


def test_a_store_that_is_down_is_unavailable():
    down = Wiring(with_values(Settings(), mongo_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")).shadow()
    with pytest.raises(Unavailable):
        down.progress("churn", "run1")
    with pytest.raises(Unavailable):
        down.save([score()])
    down.close()
