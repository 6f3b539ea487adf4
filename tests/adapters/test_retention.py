"""Deleting from the prediction store over a real connection: what is old goes in batches, with all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pymongo
import pytest

from tabular.adapters.mongo.labels import MongoLabels
from tabular.ledger.entry import LedgerEntry
from tabular.predictions.label import Label
from tabular.shadow.score import ShadowScore
from tabular.wiring import Wiring
from tests.adapters.noon import NOON, prediction

FAR = datetime(2100, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def wiring(store, settings, database):
    return Wiring(msgspec.structs.replace(settings, mongo_database=database))


@pytest.fixture
def retention(wiring):
    adapter = wiring.retention()
    yield adapter
    adapter.close()


@pytest.fixture
def labels(wiring):
    adapter = MongoLabels(wiring.settings.mongo_uri, wiring.settings.mongo_database, {"churn": 30.0})
    yield adapter
    adapter.close()


@pytest.fixture
def data(settings, database):
    with pymongo.MongoClient(settings.mongo_uri) as client:
        yield client[database]


def old(day: int, **changes):
    return prediction(day, made_at=NOON + day * DAY, **changes)


def label(known_as: str, outcome: str = "left", at: int = 0) -> Label:
    received = NOON + 90 * DAY + timedelta(seconds=at)
    return Label(table="churn", outcome=outcome, received_at=received, source="api", prediction_id=known_as)


def ids(data) -> list[str]:
    return sorted(one["_id"] for one in data["data"].find())


def test_the_oldest_predictions_of_a_table_go_in_batches_and_no_other(predictions, retention, data):
    predictions.save([old(day) for day in range(6)] + [old(0, table="taxi", id="other")])
    data["data"].insert_one({"_id": "foreign", "table": "churn", "made_at_us": "long ago"})
    before = NOON + 4 * DAY
    assert retention.count_predictions("churn", before, 100) == 4
    assert retention.count_predictions("churn", before, 3) == 3
    assert retention.delete_predictions("churn", before, 3) == 3
    assert ids(data) == ["foreign", "other", "p3", "p4", "p5"]
    assert [retention.delete_predictions("churn", before, 3) for _ in range(2)] == [1, 0]
    assert ids(data) == ["foreign", "other", "p4", "p5"]


def test_a_business_key_forgets_what_is_deleted_and_goes_with_its_last(predictions, retention, data):
    predictions.save([old(0, business_key="a"), old(1, business_key="a"), old(0, id="q", business_key="b")])
    predictions.save([old(0, id="s", business_key="a", asked_at=NOON - DAY)])
    predictions.save([old(0, id="r", table="taxi", business_key="a")])
    assert retention.delete_predictions("churn", NOON + DAY, 100) == 3
    found = {one["_id"]: [each.split()[1] for each in one["predictions"]] for one in data["business_keys"].find()}
    assert found == {"churn a": ["p1"], "taxi a": ["r"]}


def test_the_history_of_labels_goes_by_its_own_time_of_every_run_of_the_table_alone(
    predictions, labels, retention, data
):
    predictions.save([old(0), old(1, run_id="run2"), old(0, id="t", table="taxi", run_id="run3")])
    labels.save([label("p0"), label("p0", "stayed", at=1), label("p1"), label("p9")])
    labels.save([msgspec.structs.replace(label("t"), table="taxi")])
    labels.attach_waiting(FAR)  # p9 becomes an orphan
    assert data["labels"].count_documents({}) == 5
    assert retention.delete_labels("churn", NOON, 100) == 0
    assert retention.delete_labels("churn", FAR, 2) == 2
    assert [retention.delete_labels("churn", FAR, 100) for _ in range(2)] == [2, 0]
    assert [one["table"] for one in data["labels"].find()] == ["taxi"]


def test_what_is_cut_short_anywhere_reads_as_if_it_had_not_begun_or_was_done(predictions, labels, retention, data):
    predictions.save([old(day) for day in range(4)])
    labels.save([label(f"p{day}") for day in range(4)])
    # Killed after the predictions, before the history: no reader counts the entries, and the next run finds them.
    assert retention.delete_predictions("churn", NOON + 2 * DAY, 100) == 2
    assert {one.id for one in predictions.labelled_latest(100, "run1")} == {"p2", "p3"}
    assert predictions.labelled_between(NOON, FAR, 100, "run1").rows == 2
    # Killed after the history, before the predictions: their labels are not counted, and they are found still.
    assert retention.delete_labels("churn", FAR, 100) == 4
    assert predictions.labelled_latest(100, "run1") == []
    assert retention.delete_predictions("churn", NOON + 4 * DAY, 100) == 2


def test_the_shadows_scores_go_but_for_those_of_a_comparison_that_goes_on(wiring, retention):
    shadow = wiring.shadow()
    made = [
        ShadowScore(prediction_id=f"p{day}", run_id=run, table="churn", score=0.5, made_at=at, scored_at=FAR)
        for run in ("ended", "going-on")
        for day, at in enumerate([NOON, NOON + DAY])
    ]
    shadow.save(made)
    before = NOON + DAY
    assert retention.count_shadow_scores("churn", FAR, 100, {"going-on"}) == 2
    assert retention.delete_shadow_scores("churn", before, 100, {"going-on"}) == 1
    assert retention.delete_shadow_scores("taxi", FAR, 100) == 0
    assert set(shadow.scores("going-on", ["p0", "p1"])) == {"p0", "p1"}
    assert set(shadow.scores("ended", ["p0", "p1"])) == {"p1"}
    assert retention.delete_shadow_scores("churn", before, 100) == 1
    shadow.close()


def test_the_runs_of_what_is_stored_are_known(predictions, retention, data):
    assert retention.runs() == set()
    predictions.save([old(0), old(1, run_id="run2")])
    data["data"].insert_one({"_id": "foreign", "run_id": 7})
    assert retention.runs() == {"run1", "run2"}


def test_entries_of_the_ledger_go_by_kind_and_time(wiring, retention):
    ledger = wiring.ledger()
    for day, kind in enumerate(["labels_arrived", "promoted", "labels_arrived", "decided"]):
        ledger.append(LedgerEntry(at=NOON + day * DAY, table="churn", kind=kind, who="a", why="b"))
    routine = ("labels_arrived", "decided")
    assert retention.count_entries("churn", NOON + 3 * DAY, routine, 100) == 2
    assert retention.delete_entries("taxi", FAR, routine, 100) == 0
    assert [retention.delete_entries("churn", NOON + 3 * DAY, routine, 1) for _ in range(3)] == [1, 1, 0]
    assert [one.kind for one in ledger.entries("churn")] == ["decided", "promoted"]
    ledger.close()
