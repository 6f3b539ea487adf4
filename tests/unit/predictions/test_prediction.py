"""The prediction: its public answer, and ids that make a retry the same prediction."""

from __future__ import annotations

import tracemalloc
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from tabular.predictions.prediction import Prediction, id_from_key, id_from_stream, new_id, new_ids, reply

MADE_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def prediction(**changes):
    row = {"age in years": 30, "class": None, "stars": "2", "weight": None}
    whole = {
        "id": "p1",
        "made_at": MADE_AT,
        "table": "t",
        "run_id": "r1",
        "contract": "c",
        "source": "api",
        "row": row,
        "score": 0.25,
    }
    return Prediction(**{**whole, **changes})


def test_a_binary_answer_is_the_chance_of_the_positive_class(tiny_contract):
    assert reply(prediction(warnings=("odd",)), tiny_contract()) == {
        "chance": 0.25,
        "model_run_id": "r1",
        "prediction_id": "p1",
        "warnings": ["odd"],
    }


def test_a_chance_of_zero_is_answered_as_zero(tiny_contract):
    assert reply(prediction(score=0.0), tiny_contract())["chance"] == 0.0


def test_a_multiclass_answer_is_the_class_and_every_chance(tiny_contract):
    probabilities = {"low": 0.1, "mid": 0.7, "high": 0.2}
    answer = reply(
        prediction(score=0.7, predicted_class="mid", probabilities=probabilities), tiny_contract("multiclass")
    )
    assert answer["chance"] == "mid"
    assert answer["probabilities"] == probabilities


def test_missing_names_what_was_sent_as_missing():
    assert prediction().missing == ("class", "weight")


def test_a_prediction_survives_json():
    again = msgspec.json.decode(msgspec.json.encode(prediction(label="yes")), type=Prediction)
    assert again == prediction(label="yes")


def test_the_same_key_is_the_same_prediction():
    assert id_from_key("order-7") == id_from_key("order-7")
    assert id_from_key("order-7") != id_from_key("order-8")


def test_a_replayed_record_is_the_same_prediction():
    assert id_from_stream("s", "shard-0", "49") == id_from_stream("s", "shard-0", "49")


@pytest.mark.parametrize("other", [("t", "shard-0", "49"), ("s", "shard-1", "49"), ("s", "shard-0", "50")])
def test_another_record_is_another_prediction(other):
    assert id_from_stream("s", "shard-0", "49") != id_from_stream(*other)


def test_the_ids_are_those_of_yesterday():
    # A change here would store every replayed record twice after an upgrade.
    assert id_from_key("order-7") == "38413a8d-9713-5d3b-b891-f10bc6cb7e81"
    assert id_from_stream("predictions", "shardId-000000000000", "1") == "b34c88f1-149f-5bfb-932c-97595188b018"


def test_a_key_never_collides_with_a_stream_record():
    assert id_from_key("s/shard-0/49") != id_from_stream("s", "shard-0", "49")
    assert id_from_stream("http", "a", "b") != id_from_key("a/b")


def test_requests_without_a_key_are_all_different():
    assert len({new_id() for _ in range(1_000)}) == 1_000


def test_drawn_ids_are_random_uuids_in_their_usual_spelling():
    for one in new_ids(1_000):
        parsed = uuid.UUID(one)
        assert (str(parsed), parsed.version, parsed.variant) == (one, 4, uuid.RFC_4122)


def test_an_idempotency_key_leaves_nothing_but_an_id_of_one_length():
    tracemalloc.start()
    try:
        lengths = {len(id_from_key(f"{at:0200}")) for at in range(20_000)}
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lengths == {36}
    assert kept_bytes < 100_000
