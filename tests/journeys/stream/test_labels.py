"""Labels on a stream, with a real consumer, emulator and store: attached, corrected, waiting, replayed, rejected."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo

from tests.journeys.stream.consumer_process import TABLE, ConsumerProcess, bodies
from tests.journeys.waiting import wait_until


def put(consumer: ConsumerProcess, *labels: dict[str, Any]) -> None:
    keyed = [(f"label-{at}", json.dumps(label).encode()) for at, label in enumerate(labels)]
    consumer.wiring.stream(f"{consumer.name}-labels").put(keyed)


def labels_of(consumer: ConsumerProcess) -> dict[str, Any]:
    return {one.business_key or one.id: one.label for one in consumer.store.latest(1_000)}


def history(consumer: ConsumerProcess) -> list[str]:
    """The predictions of the history's entries, but for what a death left before the prediction was written."""
    with pymongo.MongoClient(consumer.mongo_uri) as client:
        entries = [(one["prediction_id"], one["labelled_at_us"]) for one in client[consumer.name]["labels"].find()]
        last = {(one["_id"], one.get("labelled_at_us")) for one in client[consumer.name]["data"].find()}
    return [known for known, at_us in entries if (known, at_us) in last]


def predicted(consumer: ConsumerProcess, bundle, keys: list[str]) -> dict[str, str]:
    """Predictions of these keys: their ids."""
    sent = [
        json.dumps(json.loads(body) | {"customer_id": key}).encode()
        for body, key in zip(bodies(bundle, len(keys)), keys, strict=True)
    ]
    consumer.put(sent)
    wait_until(lambda: len(consumer.results()) >= len(keys))
    assert {result["customer_id"] for result in consumer.results()} == set(keys)
    return {result["customer_id"]: result["prediction_id"] for result in consumer.results()}


def test_labels_are_attached_by_id_and_by_key_and_a_later_one_corrects(consumer, bundle):
    consumer.start()
    ids = predicted(consumer, bundle, ["C-1", "C-2", "C-3"])
    put(
        consumer,
        {"prediction_id": ids["C-1"], "outcome": "attrited customer"},
        {"customer_id": "C-2", "outcome": "Existing Customer"},
    )
    wait_until(lambda: labels_of(consumer) == {"C-1": "Attrited Customer", "C-2": "Existing Customer", "C-3": None})
    put(consumer, {"customer_id": "C-2", "outcome": "Attrited Customer"})
    wait_until(lambda: labels_of(consumer)["C-2"] == "Attrited Customer")
    assert len(history(consumer)) == 2, "of each the last"
    wait_until(lambda: consumer.metric(f'consumer_labels_total{{result="corrected",table="{TABLE}"') == 1)
    assert consumer.metric(f'consumer_labels_total{{result="attached",table="{TABLE}"') == 2


def test_a_label_that_comes_before_its_prediction_waits_for_it(consumer, bundle):
    consumer.start()
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # an outcome counts for predictions before it
    put(consumer, {"customer_id": "C-1", "outcome": "Attrited Customer", "observed_at": soon})
    wait_until(lambda: consumer.metric(f'consumer_labels_total{{result="waiting",table="{TABLE}"') == 1)
    predicted(consumer, bundle, ["C-1"])
    wait_until(lambda: labels_of(consumer) == {"C-1": "Attrited Customer"})


def test_a_bad_label_is_a_dead_letter_that_names_its_stream(consumer, bundle):
    consumer.start()
    ids = predicted(consumer, bundle, ["C-1"])
    put(
        consumer,
        {"prediction_id": ids["C-1"], "outcome": "Nobody"},
        {"customer_id": "C-1", "outcome": "Attrited Customer"},
    )
    wait_until(lambda: labels_of(consumer) == {"C-1": "Attrited Customer"} and len(consumer.dead_letters()) == 1)
    (letter,) = consumer.dead_letters()
    assert letter["stream"] == f"{consumer.name}-labels"
    assert [fault["field"] for fault in letter["faults"]] == ["outcome"]


def test_labels_sent_while_consumers_are_killed_are_attached_once(consumer, bundle):
    process = consumer.start()
    keys = [f"C-{at}" for at in range(60)]
    predicted(consumer, bundle, keys)
    for begin in range(0, 60, 20):
        put(consumer, *({"customer_id": key, "outcome": "Attrited Customer"} for key in keys[begin : begin + 20]))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = consumer.start()
    wait_until(lambda: set(labels_of(consumer).values()) == {"Attrited Customer"})
    found = history(consumer)
    assert len(found) == len(set(found)) == 60
