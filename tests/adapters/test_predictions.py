"""The prediction store over a real connection: written once, read back whole, honest about an outage."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pymongo
import pytest

from embedded.environment import process_environ
from embedded.services import backends
from embedded.services.service import free_port, stop
from tabular.adapters.mongo.connection import mongo_client
from tabular.adapters.mongo.documents import Reader, document_of
from tabular.adapters.mongo.indexes import indexes
from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.errors import Rejected, Unavailable
from tabular.ports.predictions import UNKNOWN_SOURCE
from tests.adapters.noon import NOON, prediction


def test_a_prediction_reads_back_as_it_was_written(predictions):
    written = [prediction(1), prediction(2, probabilities={"a": 0.75, "b": 0.25}, predicted_class="a", label="b")]
    assert predictions.save(written) == 2
    assert predictions.latest(10) == written[::-1]


def test_times_come_out_aware_in_utc_whatever_zone_they_went_in(predictions):
    east = timezone(timedelta(hours=5))
    predictions.save([prediction(1, made_at=NOON.astimezone(east)), prediction(2, made_at=NOON.replace(tzinfo=None))])
    assert [found.made_at for found in predictions.latest(10)] == [NOON, NOON]
    assert all(found.made_at.tzinfo is UTC for found in predictions.latest(10))


def test_nan_is_stored_as_null(predictions):
    predictions.save(
        [prediction(1, row={"limit": math.nan}, probabilities={"a": math.nan}), prediction(2, score=math.nan)]
    )
    second, first = predictions.latest(10)
    assert first.row == {"limit": None}
    assert math.isnan(first.probabilities["a"])
    assert math.isnan(second.score)


def test_the_first_write_of_an_id_stands(predictions):
    assert predictions.save([prediction(1, score=0.1)]) == 1
    assert predictions.save([prediction(1, score=0.9), prediction(2), prediction(2)]) == 1
    assert {found.id: found.score for found in predictions.latest(10)} == {"p1": 0.1, "p2": 0.25}


def test_five_thousand_at_once_are_stored_once(predictions):
    many = [prediction(at) for at in range(5_000)]
    assert predictions.save(many) == 5_000
    assert predictions.save(many) == 0
    assert predictions.count_by_source() == {("churn", "api"): 5_000}
    assert [found.id for found in predictions.latest(3)] == ["p4999", "p4998", "p4997"]


def test_nothing_is_saved_from_nothing(predictions):
    assert predictions.save([]) == 0
    assert predictions.latest(10) == []
    assert predictions.count_by_source() == {}


def test_a_window_holds_its_start_and_not_its_end(predictions):
    predictions.save([prediction(at) for at in range(10)])
    found = predictions.sample_between(NOON + timedelta(microseconds=2), NOON + timedelta(microseconds=5), 10, "run1")
    assert [each.id for each in found.predictions] == ["p4", "p3", "p2"]


def test_the_latest_are_the_newest_of_those_there_are(predictions):
    predictions.save([prediction(at) for at in range(10)])
    assert [each.id for each in predictions.latest(2, until=NOON + timedelta(seconds=1))] == ["p9", "p8"]
    assert predictions.latest(0) == []


def test_a_window_may_be_asked_for_in_another_zone(predictions):
    predictions.save([prediction(0)])
    east = timezone(timedelta(hours=5))
    since, until = NOON.astimezone(east), (NOON + timedelta(minutes=1)).astimezone(east)
    assert len(predictions.sample_between(since, until, 10, "run1").predictions) == 1


def test_the_latest_of_one_run_leave_the_others_out(predictions):
    predictions.save([prediction(at, run_id=f"run{at % 2}") for at in range(6)])
    assert [each.id for each in predictions.latest(2, run_id="run0")] == ["p4", "p2"]


def test_each_source_is_counted(predictions):
    predictions.save([prediction(1), prediction(2, source="stream"), prediction(3, source="stream")])
    assert predictions.count_by_source() == {("churn", "api"): 1, ("churn", "stream"): 2}


def test_reports_come_newest_first_and_once_by_id(predictions):
    for at in (1, 3, 2):
        predictions.save_report({"_id": f"r{at}", "made_at": NOON + timedelta(milliseconds=at), "share": math.nan})
    third = {"_id": "r3", "made_at": NOON + timedelta(milliseconds=3), "share": 0.5}
    predictions.save_report(third)
    assert predictions.reports(1) == [third]
    assert [(row["_id"], row["share"]) for row in predictions.reports(2)] == [("r3", 0.5), ("r2", None)]
    assert predictions.reports(0) == []


def test_a_document_the_store_cannot_hold_is_rejected_in_one_short_sentence(predictions):
    with pytest.raises(Rejected) as caught:
        predictions.save([prediction(1, row={"limit": 2**80})])
    assert len(str(caught.value)) < 200


def test_a_store_that_is_not_there_is_unavailable_and_says_so_shortly():
    adapter = MongoPredictions(f"mongodb://127.0.0.1:{free_port()}", "test")
    with pytest.raises(Unavailable, match="the prediction store is not available") as caught:
        adapter.save([prediction(1)])
    assert len(str(caught.value)) < 300
    assert caught.value.retry_after_seconds > 0
    with pytest.raises(Unavailable):
        adapter.ping()


def test_after_an_outage_the_same_client_goes_on(layout, tmp_path):
    own = replace(layout, state=tmp_path, ports=replace(layout.ports, store=free_port()))
    service, log = backends.store(own), tmp_path / "store.log"
    adapter = MongoPredictions(f"mongodb://127.0.0.1:{own.ports.store}", "test")
    process = service.start(log)
    try:
        service.wait_ready(process, log)
        assert adapter.save([prediction(1)]) == 1
        process.kill()
        process.wait()
        for call in (lambda: adapter.save([prediction(2)]), lambda: adapter.latest(1), adapter.count_by_source):
            with pytest.raises(Unavailable):
                call()
        process = service.start(log)
        service.wait_ready(process, log)
        assert adapter.save([prediction(1), prediction(2)]) == 1
        assert [each.id for each in adapter.latest(10)] == ["p2", "p1"]
    finally:
        stop(process)
        adapter.close()


def test_a_prediction_of_every_field_survives(predictions):
    told = {"business_key": "c", "label": 2.5, "labelled_at": NOON, "request_id": "r-1", "asked_at": NOON}
    full = prediction(7, out_of_range=("age",), probabilities={"a": 1.0}, predicted_class="a", source="stream", **told)
    assert all(value is not None for value in msgspec.structs.asdict(full).values())
    predictions.save([full])
    assert predictions.latest(1) == [full]


def test_what_the_store_of_the_embedded_stack_took_survives_its_kill(layout, tmp_path):
    """As `make run` addresses it: without an fsync a document."""
    own = replace(layout, state=tmp_path, ports=replace(layout.ports, store=free_port()))
    service, log = backends.store(own), tmp_path / "store.log"
    uri = process_environ(own, {})["MONGO_URI"]
    assert "journal=false" in uri
    assert process_environ(own, {"OUTBOX_SYNC": "full"})["MONGO_URI"] == f"mongodb://127.0.0.1:{own.ports.store}"
    taken = 0
    for _ in range(3):
        adapter = MongoPredictions(uri, "test")  # anew: connections to the killed one are of no use
        process = service.start(log)
        try:
            service.wait_ready(process, log)
            for _ in range(4):
                taken += adapter.save([prediction(at) for at in range(taken, taken + 250)])
        finally:
            process.kill()
            process.wait()
            adapter.close()
    with service.running(log), closing(MongoPredictions(uri, "test")) as adapter:
        assert adapter.count_by_source() == {("churn", "api"): taken} == {("churn", "api"): 3_000}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("", {"j": True}),
        ("/?appName=x", {"j": True}),
        ("/?w=1&journal=false", {"w": 1, "j": False}),
        ("/?W=2", {"w": 2}),
    ],
)
def test_a_write_is_journaled_unless_the_address_says_what_it_wants(options, wanted):
    assert mongo_client(f"mongodb://127.0.0.1:1{options}").write_concern.document == wanted


MALFORMED = [
    {},
    {"score": "high"},
    {"row": None},
    {"made_at_us": "yesterday"},
    {"made_at_us": 2**62},
    {"source": "window"},
    {"probabilities": [0.1, 0.9]},
]


@pytest.mark.parametrize("change", MALFORMED, ids=str)
def test_a_document_that_is_no_prediction_is_left_out_counted_and_logged_once(predictions, settings, caplog, change):
    predictions.save([prediction(at) for at in range(3)])
    # As somebody else might write it, past our own adapter; {}: a document of nothing but an id and a time.
    with pymongo.MongoClient(settings.mongo_uri) as client:
        data = client[predictions._data.database.name]["data"]
        whole = data.find_one({"_id": "p2"}) if change else {}
        data.insert_many(
            {**whole, "made_at_us": whole.get("made_at_us", 10**15 * 2), **change, "_id": f"odd{at}"} for at in range(5)
        )
    assert [found.id for found in predictions.latest(2)] == ["p2", "p1"]
    assert [found.id for found in predictions.latest(9)] == ["p2", "p1", "p0"]
    period = predictions.sample_between(NOON, NOON + timedelta(hours=1), 9, "run1")
    assert [found.id for found in period.predictions] == ["p2", "p1", "p0"]
    assert predictions.unreadable == 5, "each counts once, however often it is read"
    assert len([record for record in caplog.records if "is no prediction" in record.message]) == 1


@pytest.mark.parametrize("moment", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_no_number_makes_no_prediction(moment):
    reader = Reader()
    assert reader.read([{**document_of(prediction(1)), "made_at_us": moment}]) == []
    assert reader.unreadable == 1


FOREIGN = [
    {"foo": 1},
    {"source": {"a": 1}, "made_at_us": 1},
    {"source": 3.5, "made_at_us": "yesterday", "run_id": "run1"},
    {"source": None, "made_at_us": 5, "run_id": 7},
    {"source": "window", "made_at_us": 6, "run_id": "../../etc"},
]


def test_documents_that_nobody_here_wrote_are_counted_apart_and_name_no_run(predictions, settings):
    predictions.save([prediction(at, run_id=f"run{at % 2}") for at in range(5)])
    with pymongo.MongoClient(settings.mongo_uri) as client:
        client[predictions._data.database.name]["data"].insert_many([dict(document) for document in FOREIGN])
    assert predictions.count_by_source() == {("churn", "api"): 5, ("", UNKNOWN_SOURCE): len(FOREIGN)}
    later = NOON + timedelta(hours=1)
    assert predictions.runs(None, later, 100, 100) == {"run0": 3, "run1": 2}
    assert predictions.runs(NOON + timedelta(microseconds=3), later, 100) == {"run0": 1, "run1": 1}
    assert [found.id for found in predictions.latest(9, until=later)] == ["p4", "p3", "p2", "p1", "p0"]
    assert len(predictions.sample_latest(100, 100, "run1", later).predictions) == 2
    assert predictions.count_since(later, 9) == 0


def test_what_is_dated_ahead_is_left_out_of_what_was_until_now(predictions):
    ahead = NOON + timedelta(hours=1)
    predictions.save(
        [prediction(1), prediction(2), prediction(3, made_at=ahead), prediction(4, made_at=ahead, run_id="x")]
    )
    now = NOON + timedelta(minutes=1)
    assert [found.id for found in predictions.latest(9, until=now)] == ["p2", "p1"]
    assert [found.id for found in predictions.sample_latest(9, 9, "run1", now).predictions] == ["p2", "p1"]
    assert predictions.runs(None, now, 9, 9) == {"run1": 2}
    assert (predictions.count_since(now, 9), predictions.count_since(now, 1)) == (2, 1)


def test_a_report_without_a_date_or_dated_ahead_is_none(predictions, settings):
    predictions.save_report({"_id": "good", "made_at": NOON})
    predictions.save_report({"_id": "ahead", "made_at": datetime.now(UTC) + timedelta(hours=1)})
    with pymongo.MongoClient(settings.mongo_uri) as client:
        strange = [{"foo": 1}, {"made_at_us": 5, "made_at": "yesterday"}, {"made_at_us": "z"}]
        client[predictions._data.database.name]["report"].insert_many(strange)
    assert [row["_id"] for row in predictions.reports(9)] == ["good"]


def test_a_server_has_the_indexes_that_its_queries_use_and_no_others(predictions):
    predictions.save([])
    found = [name for name in predictions._data.index_information() if "_id" not in name.replace("run_id", "")]
    assert len(found) == 1, f"nx-27017 uses no compound index: {found}"
    newest = ("made_at_us", -1)
    mongodb = indexes({"version": "8.0.4", "storageEngines": ["devnull", "wiredTiger"]})
    assert mongodb == [[(name, 1), newest] for name in ("table", "run_id", "level")]
