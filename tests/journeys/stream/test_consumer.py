"""The stream consumer as a real process, on real streams and a real store: its results and its dead letters."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from dataclasses import replace

from embedded.layout import PROJECT
from embedded.services import apps
from tabular.predictions.prediction import id_from_stream
from tests.journeys.stream.consumer_process import RUN_ID, TABLE, bodies, scores
from tests.journeys.waiting import WAIT_SECONDS, wait_until


def test_a_record_comes_out_with_the_bundles_own_score_and_is_stored_once(consumer, bundle):
    consumer.start()
    sent = bodies(bundle, 40)
    consumer.put(sent)
    wait_until(lambda: len(consumer.results()) >= 40)
    results = {result["partition_key"]: result for result in consumer.results()}
    wanted = scores(bundle, sent)
    for at, body in enumerate(sent):
        result = results[f"key-{at}"]
        assert result[bundle.contract.reply.prediction_key] == wanted[at], body
        assert result["model_run_id"] == RUN_ID
    records = {record.partition_key: record for record in consumer.read("predictions")}
    stored = {prediction.id: prediction for prediction in consumer.store.latest(1_000)}
    assert len(stored) == consumer.stored() == 40
    for key, result in results.items():
        record = records[key]
        assert (result["shard"], result["sequence_number"]) == (record.shard, record.sequence_number)
        assert result["prediction_id"] == id_from_stream(record.stream, record.shard, record.sequence_number)
        assert stored[result["prediction_id"]].score == result[bundle.contract.reply.prediction_key]


def test_poison_becomes_dead_letters_while_the_others_are_served(consumer, bundle):
    consumer.start()
    good = bodies(bundle, 1)[0]
    record = json.loads(good)
    first, *others = record
    poison = {
        "empty": b"",
        "junk": bytes(range(256)) * 10,
        "array": json.dumps([record] * 2_000).encode(),
        "a_number": b"42",
        "twice_encoded": base64.b64encode(base64.b64encode(good)),
        "missing_field": json.dumps({name: record[name] for name in others}).encode(),
        "unknown_fields": json.dumps(record | {f"x{at}": at for at in range(500)}).encode(),
        "wrong_type": json.dumps(record | {first: ["no"]}).encode(),
        "not_a_number": good.replace(b": ", b": NaN, ", 1)[:-1] + b"}",
        "too_deep": b"[" * 100_000,
        "a_megabyte": b'{"x": "' + b"\x01" * 1_000_000 + b'"}',
        "utf_16": good.decode().encode("utf-16"),
    }
    consumer.put([good, *poison.values(), good])
    wait_until(lambda: len(consumer.dead_letters()) >= len(poison) and len(consumer.results()) >= 2)
    letters = {letter["partition_key"]: letter for letter in consumer.dead_letters()}
    assert len(consumer.dead_letters()) == len(poison)
    assert {result["partition_key"] for result in consumer.results()} == {"key-0", f"key-{len(poison) + 1}"}
    by_name = {name: letters[f"key-{at}"] for at, name in enumerate(poison, start=1)}
    sources = {record.partition_key: record for record in consumer.read("predictions")}
    for at, (name, data) in enumerate(poison.items(), start=1):
        letter = by_name[name]
        kept = base64.b64decode(letter["data"]) if letter["data_encoding"] == "base64" else letter["data"].encode()
        assert data.startswith(kept), name
        assert letter["data_bytes"] == len(data), name
        assert letter["reason"], name
        assert letter["arrived_at"].endswith("Z"), name
        assert letter["sequence_number"] == sources[f"key-{at}"].sequence_number, name
    assert by_name["junk"]["data_encoding"] == by_name["utf_16"]["data_encoding"] == "base64"
    assert "empty" in by_name["empty"]["reason"]
    assert "base64 of base64" in by_name["twice_encoded"]["reason"]
    assert [fault["field"] for fault in by_name["missing_field"]["faults"]] == [first]
    assert by_name["unknown_fields"]["fault_count"] == 500
    assert len(by_name["unknown_fields"]["faults"]) == 100
    assert consumer.stored() == 2
    assert consumer.metric('consumer_records_total{outcome="dead_letter"') == len(poison)
    assert consumer.metric('consumer_records_total{outcome="served"') == 2
    assert consumer.metric("consumer_model_info") == 1


def test_a_run_that_cannot_be_served_ends_it_with_the_reason(consumer, bundle):
    process = subprocess.run(
        [sys.executable, "-m", "server.stream.consumer"],
        env=consumer.environ() | {"RUN_ID": "../etc"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert process.returncode == 1
    assert "RUN_ID" in process.stderr
    assert "Traceback" not in process.stderr


def test_the_same_row_gets_the_same_score_over_http_and_on_the_stream(consumer, own, bundle):
    api = apps.api(own)
    serving = replace(api, environ=consumer.environ() | {"API_PORT": str(own.ports.api), "API_WORKERS": "1"})
    sent = bodies(bundle, len(bundle.golden))
    consumer.start()
    with serving.running(own.logs / "api.log"):
        url = f"http://127.0.0.1:{own.ports.api}/predict"
        over_http = []
        for body in sent:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as reply:
                over_http.append(json.loads(reply.read()))
        consumer.put(sent)
        wait_until(lambda: len(consumer.results()) == len(sent))
        wait_until(
            lambda: consumer.store.count_by_source() == {(TABLE, "api"): len(sent), (TABLE, "stream"): len(sent)}
        )
    over_stream = {result["partition_key"]: result for result in consumer.results()}
    unlike = {"prediction_id", "partition_key", "shard", "sequence_number"}
    for at, result in enumerate(over_http):
        assert {key: value for key, value in result.items() if key not in unlike} == {
            key: value for key, value in over_stream[f"key-{at}"].items() if key not in unlike
        }
