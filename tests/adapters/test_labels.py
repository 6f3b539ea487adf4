"""Labels over a real connection: attached once, by id and by key, corrected with their history, waiting until due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pymongo
import pytest

from tabular.adapters.mongo import labels as mongo_labels
from tabular.adapters.mongo.business_keys import MAX_PREDICTIONS_A_KEY
from tabular.adapters.mongo.labels import MongoLabels
from tabular.errors import Unavailable
from tabular.ports.labels import LabelCounts
from tabular.predictions.label import CLOCK_TOLERANCE, Label
from tests.adapters.noon import NOON, prediction

LATER = NOON + timedelta(days=1)
WINDOW = timedelta(days=30)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def label(outcome: str | float = "left", at: int = 0, **changes) -> Label:
    """A label that came in so many seconds after the day of the predictions."""
    whose = {} if "business_key" in changes else {"prediction_id": "p1"}
    fields = {"table": "churn", "outcome": outcome, "received_at": LATER + timedelta(seconds=at), "source": "api"}
    return Label(**(fields | whose | changes))


@pytest.fixture
def labels(store, settings, database) -> Iterator[MongoLabels]:
    adapter = MongoLabels(settings.mongo_uri, database, {"churn": 30.0})
    yield adapter
    adapter.close()


@pytest.fixture
def data(settings, database):
    with pymongo.MongoClient(settings.mongo_uri) as client:
        yield client[database]


def history(data) -> list[tuple]:
    return [(one["outcome"], one["replaces"]) for one in data["labels"].find().sort("_id", 1)]


def test_a_label_by_id_is_attached_and_says_when(predictions, labels):
    predictions.save([prediction(1), prediction(2)])
    before = datetime.now(UTC)
    assert labels.save([label(), label(1.5, prediction_id="p2")]) == LabelCounts(attached=2)
    second, first = predictions.latest(2)
    assert (first.label, second.label) == ("left", 1.5)
    assert before <= first.labelled_at <= datetime.now(UTC)


def test_the_same_label_again_changes_nothing_however_often(predictions, labels, data):
    predictions.save([prediction(1)])
    assert labels.save([label()]) == LabelCounts(attached=1)
    before = data["data"].find_one({"_id": "p1"})
    for at in (0, 0, 1, 60):
        assert labels.save([label(at=at), label(at=at)]) == LabelCounts(repeated=2)
    assert data["data"].find_one({"_id": "p1"}) == before
    assert history(data) == [("left", None)]


@pytest.mark.parametrize("outcome", [0.1 + 0.2, 1 / 3, -2.0000000000000004e-9, 123456789.12345679, 5e-324, 1.5, 7.0])
def test_a_number_comes_back_bit_identical_and_the_same_one_again_is_no_correction(predictions, labels, data, outcome):
    predictions.save([prediction(1)])
    assert labels.save([label(outcome)]) == LabelCounts(attached=1)
    assert predictions.latest(1)[0].label == outcome
    assert labels.save([label(outcome, at=1)]) == LabelCounts(repeated=1)
    assert labels.save([label(2.5, at=2)]) == LabelCounts(corrected=1)
    assert predictions.latest(1)[0].label == 2.5
    assert history(data) == [(outcome, None), (2.5, outcome)]


def test_a_correction_replaces_the_label_and_keeps_the_earlier_one_with_its_time(predictions, labels, data):
    predictions.save([prediction(1)])
    labels.save([label("left")])
    assert labels.save([label("stayed", at=1)]) == LabelCounts(corrected=1)
    assert predictions.latest(1)[0].label == "stayed"
    assert history(data) == [("left", None), ("stayed", "left")]
    assert [one["received_at_us"] for one in data["labels"].find().sort("_id", 1)] == [
        int((LATER + timedelta(seconds=at)).timestamp() * 1e6) for at in (0, 1)
    ]
    assert labels.save([label("left")]) == LabelCounts(repeated=1)  # as a replay brings it, behind its correction
    assert predictions.latest(1)[0].label == "stayed"


def test_a_label_of_another_table_does_not_touch_the_prediction(predictions, labels):
    predictions.save([prediction(1)])
    assert labels.save([label(table="another")]) == LabelCounts(waiting=1)
    assert predictions.latest(1)[0].label is None


def test_a_label_by_key_goes_to_all_predictions_of_the_key_within_the_window(predictions, labels):
    made = {"old": LATER - WINDOW - timedelta(seconds=1), "in": LATER - WINDOW, "last": LATER, "after": LATER}
    made["clock"] = LATER + CLOCK_TOLERANCE  # of a machine whose clock is ahead
    made["after"] = made["clock"] + timedelta(milliseconds=1)
    predictions.save([prediction(id=known, made_at=at, business_key="c 7") for known, at in made.items()])
    predictions.save([prediction(id="other", business_key="c"), prediction(id="none")])
    assert labels.save([label(business_key="c 7")]) == LabelCounts(attached=1)
    assert {one.id for one in predictions.latest(10) if one.label == "left"} == {"in", "last", "clock"}


def test_what_counts_is_when_a_prediction_was_asked_for_not_how_long_it_waited(predictions, labels):
    asked = {"waited": LATER - timedelta(seconds=1), "too late": LATER + timedelta(minutes=1)}
    assert labels.save([label(business_key="c")]) == LabelCounts(waiting=1)
    late = LATER + timedelta(hours=1)
    predictions.save([prediction(id=known, made_at=late, asked_at=at, business_key="c") for known, at in asked.items()])
    assert labels.attach_waiting(late) == {("churn", "api"): LabelCounts(attached=1)}
    assert {one.id: one.asked_at for one in predictions.latest(10) if one.label} == {"waited": asked["waited"]}


def test_the_window_ends_when_the_outcome_was_observed_if_that_is_told(predictions, labels):
    predictions.save([prediction(at, business_key="c", made_at=NOON + timedelta(days=at)) for at in range(4)])
    observed_at = NOON + timedelta(days=1, hours=1)
    assert labels.save([label(business_key="c", observed_at=observed_at)]) == LabelCounts(attached=1)
    assert {one.id for one in predictions.latest(10) if one.label} == {"p0", "p1"}


def test_an_outcome_of_a_date_alone_answers_what_was_predicted_on_that_day(predictions, labels):
    midnight = NOON.replace(hour=0)
    made = {"past": midnight - timedelta(hours=1), "at noon": NOON, "next": midnight + timedelta(days=1, minutes=1)}
    predictions.save([prediction(id=known, made_at=at, business_key="c") for known, at in made.items()])
    assert labels.save([label(business_key="c", observed_at=midnight)]) == LabelCounts(attached=1)
    assert {one.id for one in predictions.latest(10) if one.label} == {"past", "at noon"}


def test_a_key_of_very_many_predictions_labels_the_last_of_them(predictions, labels, data):
    many = [prediction(at, business_key="unknown") for at in range(MAX_PREDICTIONS_A_KEY + 20)]
    for begin in range(0, len(many), 30):
        predictions.save(many[begin : begin + 30])
    predictions.save(many[-5:])  # a retry
    labels.save([label(business_key="unknown")])
    labelled = {one.id for one in predictions.latest(1_000) if one.label}
    assert {one.id for one in many[-90:]} <= labelled
    assert len(data["business_keys"].find_one({"_id": "churn unknown"})["predictions"]) == MAX_PREDICTIONS_A_KEY


def test_a_label_waits_for_its_prediction_and_is_attached_when_it_comes(predictions, labels):
    waiting = [label(), label(business_key="c")]
    assert labels.save(waiting) == labels.save(waiting) == LabelCounts(waiting=2)
    assert labels.count_waiting() == 2
    assert labels.attach_waiting(LATER) == {("churn", "api"): LabelCounts(waiting=2)}
    predictions.save([prediction(1, business_key="c")])
    assert labels.attach_waiting(LATER) == {("churn", "api"): LabelCounts(attached=1, repeated=1)}
    assert labels.count_waiting() == 0
    assert predictions.latest(1)[0].label == "left"
    assert labels.attach_waiting(LATER) == {}


def test_what_is_no_label_holds_up_none_that_waits(predictions, labels, data):
    labels.save([label()])
    data["labels_waiting"].insert_one({"_id": "a", "position": "a", "outcome": 3})
    predictions.save([prediction(1)])
    assert labels.attach_waiting(LATER) == {("churn", "api"): LabelCounts(attached=1)}
    assert data["labels_waiting"].count_documents({}) == 1


def test_what_waited_for_too_long_is_an_orphan_and_kept(labels, data):
    labels.save([label(), label(prediction_id="p2", at=60, source="stream")])
    late = LATER + mongo_labels.LONGEST_WAIT + timedelta(seconds=30)
    found = labels.attach_waiting(late)
    assert found == {("churn", "api"): LabelCounts(orphans=1), ("churn", "stream"): LabelCounts(waiting=1)}
    assert [one["prediction_id"] for one in data["labels"].find()] == ["p1"]
    assert labels.count_waiting() == 1


def test_only_so_many_wait(labels, data, monkeypatch):
    monkeypatch.setattr(mongo_labels, "MOST_WAITING", 2)
    many = [label(prediction_id=f"x{at}") for at in range(5)]
    assert labels.save(many) == LabelCounts(waiting=2, orphans=3)
    assert data["labels"].count_documents({}) == 3


def test_those_that_wait_are_tried_in_turn(predictions, labels, monkeypatch):
    monkeypatch.setattr(mongo_labels, "BULK_LABELS", 2)
    labels.save([label(prediction_id=f"p{at}", at=at) for at in range(5)])
    predictions.save([prediction(4)])
    counts = [labels.attach_waiting(LATER).get(("churn", "api")) for _ in range(3)]
    assert counts == [LabelCounts(waiting=2), LabelCounts(waiting=2), LabelCounts(attached=1)]
    assert labels.attach_waiting(LATER) == {("churn", "api"): LabelCounts(waiting=2)}


def test_the_labelled_predictions_of_a_run_come_in_the_order_of_their_labels(predictions, labels):
    predictions.save([prediction(at) for at in range(6)] + [prediction(9, run_id="run2")])
    started = datetime.now(UTC)
    for at in (3, 1, 9):
        labels.save([label(prediction_id=f"p{at}")])
    between = datetime.now(UTC)
    labels.save([label("stayed", prediction_id="p3", at=1), label(prediction_id="p5")])
    found = predictions.labelled_between(started, FAR, 10, "run1")
    assert [(one.id, one.label) for one in found.predictions][:1] == [("p1", "left")]
    assert {one.id for one in found.predictions[1:]} == {"p3", "p5"}
    assert found.is_whole
    assert [one.id for one in predictions.labelled_between(started, between, 10, "run1").predictions] == ["p1"]
    first_at = found.predictions[0].labelled_at
    assert predictions.labelled_between(started, first_at, 10, "run1").predictions == []
    assert len(predictions.labelled_between(first_at, FAR, 10, "run1").predictions) == 3


def test_of_many_labelled_predictions_a_uniform_sample_is_read(predictions, labels):
    many = 3_000
    predictions.save([prediction(at) for at in range(many)])
    labels.save([label(prediction_id=f"p{at}") for at in range(many)])
    found = predictions.labelled_between(NOON, FAR, 500, "run1")
    assert 100 <= len(found.predictions) <= 500
    assert abs(found.rows - many) < many / 2
    assert not found.is_whole


def test_the_newest_labels_of_a_run_come_first_and_a_corrected_one_once(predictions, labels):
    predictions.save([prediction(at) for at in range(6)] + [prediction(9, run_id="run2")])
    for at in (3, 1, 9):
        labels.save([label(prediction_id=f"p{at}")])
    between = datetime.now(UTC)
    labels.save([label("stayed", prediction_id="p3", at=1)])
    labels.save([label("stayed", prediction_id="p5", at=2)])
    found = predictions.labelled_latest(10, "run1")
    assert [(one.id, one.label) for one in found] == [("p5", "stayed"), ("p3", "stayed"), ("p1", "left")]
    assert [one.id for one in predictions.labelled_latest(2, "run1")] == ["p5", "p3"]
    assert [one.id for one in predictions.labelled_latest(3, "run1")] == ["p5", "p3", "p1"]
    assert [one.id for one in predictions.labelled_latest(10, "run1", between)] == ["p1"]
    assert [one.id for one in predictions.labelled_latest(1, "run2")] == ["p9"]
    assert predictions.labelled_latest(10, "nobody") == []


def test_two_writers_of_one_prediction_leave_the_later_label(predictions, labels, settings, database):
    predictions.save([prediction(1)])
    other = MongoLabels(settings.mongo_uri, database, {})
    planned = labels._plan([label("left")])  # stopped between reading and writing
    other.save([label("stayed", at=1)])
    assert not labels._write(planned.changes)
    assert labels.save([label("left")]) == LabelCounts(repeated=1)
    assert predictions.latest(1)[0].label == "stayed"
    assert [one.label for one in predictions.labelled_between(NOON, FAR, 10, "run1").predictions] == ["stayed"]
    other.close()


def test_a_store_that_is_down_is_unavailable():
    down = MongoLabels("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", "test", {})
    for ask in (lambda: down.save([label()]), lambda: down.attach_waiting(NOON), down.count_waiting):
        with pytest.raises(Unavailable):
            ask()
    down.close()


def test_a_prediction_that_is_saved_again_keeps_its_label(predictions, labels):
    predictions.save([prediction(1)])
    labels.save([label()])
    predictions.save([prediction(1)])
    assert predictions.latest(1)[0].label == "left"
