"""A batch of stream records: valid ones get the result of HTTP, the others a dead letter."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.scoring.model import Model, ready_model
from server.stream.batch import MAX_SENT_BYTES, dead_letters, predict, results
from tabular.adapters.kinesis.streams import MAX_PUT_RECORD_BYTES
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import id_from_stream, reply

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def model(bundle) -> Model:
    return ready_model("r" * 32, bundle)


def record(data: bytes, number: int = 0, stream: str = "s@1") -> StreamRecord:
    return StreamRecord(stream, "shardId-0", str(number), f"key-{number}", data, NOON)


def letter(model: Model, data: bytes) -> dict:
    ((_, body),) = dead_letters(predict(model, [record(data)]).rejected)
    assert len(body) < MAX_PUT_RECORD_BYTES
    return json.loads(body)


def test_a_result_is_the_reply_of_http_and_whose_it_is(model, bundle):
    sent = [record(json.dumps(dict(golden.record)).encode(), at) for at, golden in enumerate(bundle.golden)]
    outcome = predict(model, sent)
    assert [prediction.score for prediction in outcome.predictions] == [golden.scores[0] for golden in bundle.golden]
    for source, prediction, (key, body) in zip(sent, outcome.predictions, results(outcome), strict=True):
        whose = {"partition_key": key, "shard": source.shard, "sequence_number": source.sequence_number}
        assert json.loads(body) == reply(prediction, bundle.contract) | whose
        assert key == source.partition_key


def test_the_same_record_has_the_same_id_and_one_of_another_stream_has_not(model, bundle):
    data = json.dumps(dict(bundle.golden[0].record)).encode()
    ids = [predict(model, [record(data, 7, stream)]).predictions[0].id for stream in ("s@1", "s@1", "s@2")]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0] == id_from_stream("s@1", "shardId-0", "7")


@pytest.mark.parametrize(
    "encode",
    [
        base64.b64encode,
        base64.encodebytes,
        base64.urlsafe_b64encode,
        lambda data: base64.b64encode(data).rstrip(b"="),
        lambda data: base64.b64encode(b"\xef\xbb\xbf" + data),
        lambda data: b"\xef\xbb\xbf" + base64.b64encode(data),
    ],
)
def test_base64_of_an_object_is_processed_like_the_object_and_counted(model, bundle, encode):
    data = json.dumps(dict(bundle.golden[0].record)).encode()
    plain, decoded = predict(model, [record(data)]), predict(model, [record(encode(data)), record(b"{}", 1)])
    assert [each.score for each in decoded.predictions] == [each.score for each in plain.predictions]
    assert [each.id for each in decoded.predictions] == [each.id for each in plain.predictions]
    assert (plain.base64, decoded.base64, len(decoded.rejected)) == (0, 1, 1)


def test_a_byte_order_mark_is_read(model, bundle):
    data = b"\xef\xbb\xbf" + json.dumps(dict(bundle.golden[0].record)).encode()
    assert len(predict(model, [record(data)]).predictions) == 1


def test_an_empty_batch_needs_no_model_call(model):
    outcome = predict(model, [])
    assert results(outcome) == dead_letters(outcome.rejected) == []


@pytest.mark.parametrize(
    ("data", "reason", "encoding"),
    [
        (b"", "empty", "utf-8"),
        (b"\xff\xfe", "not JSON", "base64"),
        (b"age: 57", "this is not JSON: ", "utf-8"),
        (b'{"age": NaN}', "Write null", "utf-8"),
        (b"{'age': 57}", "json.dumps", "utf-8"),
        (b"[1, 2]", "an array", "utf-8"),
        (base64.b64encode(b'{"a": 1}'), "contract", "utf-8"),
        (base64.b64encode(base64.b64encode(b'{"a": 1}')), "base64 of base64 of a JSON object", "utf-8"),
        (b"\xf3\x89\x9a\xc2" + bytes(40), "KPL", "base64"),
        (gzip.compress(b'{"a": 1}', mtime=0), "gzip", "base64"),
        (b'{"a": 1}{"a": 2}', "a record of its own", "utf-8"),
        (b'{"data": {"customer_age": 57}}', "“data”", "utf-8"),
        (b'[{"customer_age": 57}]', "an array", "utf-8"),
        (b"{}", "contract", "utf-8"),
    ],
)
def test_a_letter_says_why_and_repeats_the_data(model, data, reason, encoding):
    got = letter(model, data)
    assert reason in got["reason"]
    assert got["data_encoding"] == encoding
    assert (base64.b64decode(got["data"]) if encoding == "base64" else got["data"].encode()) == data
    assert got["arrived_at"] == "2026-01-01T12:00:00Z"


POISON = {
    "control characters": b"\x01" * (MAX_PUT_RECORD_BYTES - 100),
    "no text": b"\xff" * (MAX_PUT_RECORD_BYTES - 100),
    "control characters in names and values": json.dumps(
        {("\x01" * 30) + str(at): "\x01" * 100 for at in range(1_000)}
    ).encode(),
    "control characters in a list": json.dumps(["\x01" * 1_000] * 150).encode(),
    "control characters in a text": json.dumps("\x01" * 170_000).encode(),
    "unknown keys": json.dumps({f"k{at}": at for at in range(75_000)}).encode(),
    "unknown keys that are long": json.dumps({str(at) * 30: "x" * 1_000 for at in range(700)}).encode(),
    "brackets": b"[" * 1_000_000,
    "a list of lists": b"[" + b"[]," * 333_000 + b"[]]",
    "one long text": json.dumps("x" * 999_000).encode(),
    "quotation marks": b'"' * 1_000_000,
    "long characters": "😀".encode() * 250_000,
    "not JSON": b"x" * 1_000_000,
    "too large": b" " * MAX_PUT_RECORD_BYTES,
    "small": b"\x01\x02",
}


@pytest.mark.parametrize("data", POISON.values(), ids=POISON.keys())
def test_a_letter_fits_on_a_stream_however_large_and_strange_the_record(model, data):
    key = "\x01" * 256
    ((_, body),) = dead_letters(predict(model, [replace(record(data), partition_key=key)]).rejected)
    assert len(body) + len(key) <= min(MAX_PUT_RECORD_BYTES, 2 * len(data) + 100_000)
    assert json.loads(body)["data_bytes"] == len(data)


def test_a_letter_fits_on_a_stream_whatever_the_contract_allows(make_bundle, tiny_contract):
    def many_levels(file):
        categories = [f"{at:03}" + "x" * 90 for at in range(300)]
        file["features"][1] |= {"categories": categories, "example": categories[0]}
        file["features"] += [
            file["features"][1] | {"name": f"class {at}", "column": f"Class {at}"} for at in range(120)
        ]

    model = ready_model("r" * 32, make_bundle(tiny_contract(change=many_levels), rows=50))
    got = letter(model, json.dumps({name: [] for name in model.bundle.contract.feature_names}).encode())
    assert 1 < len(got["faults"]) < got["fault_count"] == 124


def with_categories(categories: int, characters: int, features: int):
    def change(file):
        texts = [f"{at:06}" + "é" * (characters - 6) for at in range(categories)]
        file["features"][1] |= {"categories": texts, "example": texts[0]}
        file["features"] += [
            file["features"][1] | {"name": f"class {at}", "column": f"Class {at}"} for at in range(features - 1)
        ]

    return change


DATA = {
    "control and long characters": ("\x01" * 50_000 + "😀" * 50_000).encode(),
    "wrong values": None,
    "no text": b"\xff" * 900_000,
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize(("categories", "characters", "features"), [(30_000, 90, 1), (300, 90, 60), (20, 90, 300)])
def test_a_letter_is_bounded_and_names_a_fault_whatever_the_contract_is(
    make_bundle, tiny_contract, data, categories, characters, features
):
    model = ready_model(
        "r" * 32, make_bundle(tiny_contract(change=with_categories(categories, characters, features)), rows=40)
    )
    names = model.bundle.contract.feature_names
    body = json.dumps({name: ["\x01" * 90] for name in names}).encode() if data is None else data
    padded = body.replace(b"{", b"{" + b" " * 200_000, 1) if data is None else body
    ((key, sent),) = dead_letters(predict(model, [replace(record(padded), partition_key="\x01" * 256)]).rejected)
    assert len(sent) + len(key.encode()) <= MAX_SENT_BYTES
    assert len(base64.b64encode(sent)) + len(key.encode()) <= MAX_PUT_RECORD_BYTES
    assert data is not None or json.loads(sent)["faults"]


def test_a_result_is_bounded_whatever_there_is_to_warn_of(make_bundle, tiny_contract):
    model = ready_model("r" * 32, make_bundle(tiny_contract(change=with_categories(2, 90, 1_450)), rows=40))
    row = dict(model.bundle.contract.example) | {
        name: "\x01" * 100 for name in model.bundle.contract.feature_names if name.startswith("class")
    }
    outcome = predict(model, [record(json.dumps(row).encode())])
    ((_, sent),) = results(outcome)
    assert len(sent) <= MAX_SENT_BYTES
    warnings = json.loads(sent)["warnings"]
    assert "more warnings" in warnings[-1]
    assert len(outcome.predictions[0].warnings) >= 1_450 > len(warnings)


def test_text_that_json_would_make_much_longer_is_repeated_in_base64(model):
    got = letter(model, b"\x01" * 1_000)
    assert (base64.b64decode(got["data"]), got["data_encoding"]) == (b"\x01" * 1_000, "base64")


def test_what_is_kept_of_a_rejected_record_is_the_record_and_the_reason(model):
    batch = [record(json.dumps({f"k{at}": at for at in range(75_000)}).encode(), at) for at in range(20)]
    tracemalloc.start()
    try:
        outcome = predict(model, batch)
        kept_bytes, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(outcome.rejected) == 20
    assert kept_bytes < 2_000_000
    assert peak_bytes < 32_000_000, "one record's at a time"


def test_every_fault_of_a_record_is_named(model, bundle):
    got = letter(model, b"{}")
    assert [fault["field"] for fault in got["faults"]] == list(bundle.contract.feature_names)
