"""Labels from a stream, over ports in memory: read, attached, and nothing lost or kept back by what is no label."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from server.stream.label_metrics import LabelMetrics
from server.stream.labels import LabelLoop, read_labels
from server.stream.shard_reader import ShardReader
from tabular.errors import Unavailable
from tabular.labels.intake import LabelIntake
from tabular.labels.reading import LabelReader
from tabular.ports.streams import StreamRecord
from tests.adapters.memory.labels import MemoryLabels
from tests.unit.server.stream.test_loop import Checkpoints, Journal, Sink

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GOOD = {"prediction_id": "p1", "outcome": "Attrited Customer"}


def record(data):
    return StreamRecord("labels@1.000", "one", "001", "key", data, NOON)


@pytest.fixture
def reader(contract):
    return LabelReader(contract, "stream")


@pytest.fixture
def read(reader):
    return lambda data: read_labels(reader, [record(data if isinstance(data, bytes) else json.dumps(data).encode())])


def test_a_record_is_a_label_as_a_request_has_one_received_when_it_came_into_the_stream(read, contract):
    (label,) = read(GOOD | {"observed_at": "2025-12-31"}).labels
    assert (label.table, label.prediction_id, label.outcome) == (contract.table.name, "p1", "Attrited Customer")
    assert (label.received_at, label.source) == (NOON, "stream")
    assert label.observed_at == datetime(2025, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize("key", ["768805383", 768805383])
def test_a_label_may_name_the_business_key(read, key):
    (label,) = read({"customer_id": key, "outcome": "attrited customer"}).labels
    assert (label.business_key, label.prediction_id, label.outcome) == ("768805383", None, "Attrited Customer")


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), base64.b64encode(json.dumps(GOOD).encode())]
)
def test_a_mark_and_base64_are_read_as_of_other_records(read, data):
    assert [label.prediction_id for label in read(data).labels] == ["p1"]


@pytest.mark.parametrize("label", [None, "", "Unknown"])
def test_an_outcome_that_is_not_known_yet_is_blank(read, label):
    found = read(GOOD | {"outcome": label})
    assert (found.blank, found.labels, found.rejected) == (1, [], [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "this is not JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[1]", "must be a JSON object"),
        (b'{"a": NaN}', "JSON"),
        ({"outcome": "Attrited Customer"}, "not valid under the contract"),
        (GOOD | {"outcome": "Nobody"}, "not valid under the contract"),
        (GOOD | {"customer_id": "C-1"}, "not valid under the contract"),
        (GOOD | {"label": 1}, "not valid under the contract"),
        ({"customer_id": "x" * 201, "outcome": "Attrited Customer"}, "not valid under the contract"),
    ],
)
def test_what_is_no_label_is_rejected_with_the_reason(read, data, why):
    found = read(data)
    assert (found.labels, found.blank) == ([], 0)
    assert why in found.rejected[0].error.message


def run(journal, labels, reader):
    metrics = LabelMetrics(CollectorRegistry())
    shards = ShardReader(journal, journal.checkpoints.get)
    letters, intake = Sink(journal, "dead letters"), LabelIntake(labels, ledger=None)
    intake.enter = lambda: None
    loop = LabelLoop(shards, Checkpoints(journal), reader, intake, letters, metrics, batch_records=2)
    loop.run(0.0, journal.stop)
    return metrics


def bodies(*labels):
    return [json.dumps(label).encode() for label in labels]


def ids(labels):
    return [label.prediction_id for label in labels.saved]


def test_labels_are_attached_before_the_checkpoint_and_others_become_letters(reader):
    journal, labels = Journal([*bodies(GOOD, {"outcome": 1}), *bodies(GOOD | {"prediction_id": "p2"})]), MemoryLabels()
    metrics = run(journal, labels, reader)
    assert ids(labels) == ["p1", "p2"]
    assert journal.steps() == ["dead letters", "checkpoint", "checkpoint"]
    (letter,) = journal.done[0][1]
    assert (letter["stream"], letter["partition_key"]) == ("s", "key-1")
    assert {fault["field"] for fault in letter["faults"]} == {"prediction_id", "outcome"}
    assert metrics.records.labels("accepted")._value.get() == 2
    assert metrics.records.labels("dead_letter")._value.get() == 1


def test_while_the_store_is_down_nothing_is_checkpointed(reader):
    journal, labels = Journal(bodies(GOOD)), MemoryLabels()
    labels.is_down = True
    threading.Timer(0.2, journal.stop.set).start()
    run(journal, labels, reader)
    assert (labels.saved, journal.steps()) == ([], [])


def test_a_failed_dead_letter_is_tried_again_and_then_checkpointed(reader):
    journal, labels = Journal(bodies({"outcome": 1})), MemoryLabels()
    journal.failures["dead letters"] = [Unavailable("stream", "away", 0.01)]
    run(journal, labels, reader)
    assert journal.steps() == ["dead letters", "checkpoint"]


def test_one_label_that_the_store_never_takes_keeps_no_other_back(reader):
    journal, labels = (
        Journal(bodies(GOOD, GOOD | {"prediction_id": "p2", "outcome": "Existing Customer"})),
        MemoryLabels(),
    )
    labels.refuses = "Existing Customer"
    run(journal, labels, reader)
    assert ids(labels) == ["p1"]
    assert [letter["partition_key"] for letter in journal.done[0][1]] == ["key-1"]


def test_a_shard_that_another_has_is_left_to_it_before_anything_is_written(reader):
    journal, labels = Journal(bodies(GOOD)), MemoryLabels()
    journal.failures["held"] = [False]
    run(journal, labels, reader)
    assert ids(labels) == ["p1"], "read again, and attached once"
    assert journal.steps() == ["checkpoint"]
