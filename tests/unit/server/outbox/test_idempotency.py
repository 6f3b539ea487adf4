"""A key that was used gives its response again, whatever model serves now; with another body it is rejected."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from server.api.access.request_id import request_id
from server.api.compression import IDENTITY, Body
from server.api.handlers import Handlers
from server.api.metrics import ApiMetrics
from server.outbox import idempotency as kept_responses
from server.outbox.idempotency import KeptResponse
from server.outbox.queue import Outbox
from server.scoring.model import Model, ready_model
from tabular.predictions.prediction import id_from_key
from tabular.settings import Settings
from tests.unit.server.outbox_writing import prediction


class Following:
    """A predictor whose model changes when the test says so."""

    def __init__(self, model: Model) -> None:
        self.model = model


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox", 10_000_000, "normal")


@pytest.fixture
def following(bundle):
    return Following(ready_model("first", bundle))


@pytest.fixture
def handlers(outbox, following):
    return Handlers(following, outbox, ApiMetrics(outbox, {}), Settings())


@pytest.fixture
def body(contract):
    return json.dumps(contract.example).encode()


def ask(handle, *asked):
    """What a handler gives for requests that come in one turn of the loop: bytes, or the error."""

    async def run():
        handled = (handle(Body(body, IDENTITY, 1_000_000, request_id()), key) for body, key in asked)
        return await asyncio.gather(*handled, return_exceptions=True)

    return [each.body if isinstance(each, KeptResponse) else each for each in asyncio.run(run())]


def depth(outbox):
    return outbox.status().current.depth


def test_the_response_that_was_given_is_given_again_though_the_model_has_changed(handlers, outbox, following, body):
    (first,) = ask(handlers.single, (body, "k"))
    following.model = replace(following.model, run_id="second")
    assert ask(handlers.single, (body, "k")) == [first]
    assert json.loads(first)["model_run_id"] == "first"
    assert json.loads(ask(handlers.single, (body, "other"))[0])["model_run_id"] == "second"
    assert depth(outbox) == 2


def test_another_body_under_a_used_key_is_422_and_changes_nothing(handlers, outbox, body):
    ask(handlers.single, (body, "k"))
    (error,) = ask(handlers.single, (body + b" ", "k"))
    assert (error.status, error.code) == (422, "idempotency_key_reused")
    assert error.faults[0].field == "Idempotency-Key"
    assert depth(outbox) == 1


def test_of_two_at_once_the_first_is_served_and_the_other_gets_the_same_or_is_rejected(
    handlers, outbox, contract, body
):
    other = json.dumps(contract.example | {"customer_age": 30}).encode()
    first, same, rejected, alone = ask(handlers.single, (body, "k"), (body, "k"), (other, "k"), (other, None))
    assert first == same
    assert rejected.code == "idempotency_key_reused"
    assert json.loads(alone)["prediction_id"] != json.loads(first)["prediction_id"]
    assert depth(outbox) == 2


def test_workers_that_share_an_outbox_share_the_keys(handlers, outbox, following, body, tmp_path):
    (first,) = ask(handlers.single, (body, "k"))
    other = Outbox(tmp_path / "outbox", 10_000_000, "normal")
    assert ask(Handlers(following, other, ApiMetrics(other, {}), Settings()).single, (body, "k")) == [first]


def test_what_another_worker_served_since_it_was_looked_up_stands(handlers, outbox, body, tmp_path):
    theirs = replace(kept_responses.requested(id_from_key("k"), "/predict", body), body=b"theirs")
    other = Outbox(tmp_path / "outbox", 10_000_000, "normal")

    async def run():
        ours = asyncio.create_task(handlers.single(Body(body, IDENTITY, 1_000_000, request_id()), "k"))
        await asyncio.sleep(0)  # it is scored, and the commit is due in the next turn
        other.append_keyed([prediction(theirs.id)], [theirs])
        return await ours

    assert asyncio.run(run()) == theirs
    assert depth(outbox) == 1


@pytest.mark.parametrize("kind", ["array", "lines"])
def test_a_batch_is_served_once_for_its_key(handlers, outbox, following, contract, kind):
    row = json.dumps(contract.example)
    body, other = (
        (f"[{','.join([row, '{}'] * count)}]" if kind == "array" else "\n".join([row, "{}"] * count)).encode()
        for count in (2, 3)
    )
    handle = getattr(handlers, kind)
    (first,) = ask(handle, (body, "k"))
    following.model = replace(following.model, run_id="second")
    assert ask(handle, (body, "k")) == [first]
    assert depth(outbox) == 2
    (error,) = ask(handle, (other, "k"))
    assert error.faults[0].problem == "was used with another body or media type here"
    assert depth(outbox) == 2
    ask(handlers.single, (row.encode(), "k"))
    assert depth(outbox) == 3, "the key of a batch is not that of a row"


def test_what_was_rejected_may_be_sent_again_fixed_under_its_key(handlers, body):
    (error,) = ask(handlers.single, (b"{}", "k"))
    assert "contract" in str(error)
    ask(handlers.array, (b"[{}]", "k"))
    assert ask(handlers.single, (body, "k"))[0] == ask(handlers.single, (body, "k"))[0]
    assert isinstance(ask(handlers.array, (b"[" + body + b"]", "k"))[0], bytes)


def kept(number, size=100):
    return KeptResponse(f"id{number}", b"d" * 16, b"x" * size)


def test_responses_are_forgotten_after_their_time(outbox, monkeypatch):
    outbox.append_batch([], kept(1))
    assert outbox.response("id1") == kept(1)
    later = time.time() + kept_responses.KEPT_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert outbox.response("id1") is None
    outbox.append_batch([], kept(1, 50))
    assert outbox.response("id1") == kept(1, 50)


def test_responses_take_a_share_of_the_outbox_and_the_oldest_go_first(outbox):
    for number in range(60):
        outbox.append_batch([], kept(number, 100_000))
    there = [number for number in range(60) if outbox.response(f"id{number}")]
    assert there == list(range(there[0], 60))
    assert 10_000_000 / 4 * 0.8 < len(there) * 100_000 <= 10_000_000 / 4


def test_responses_outlive_a_damaged_file_as_far_as_they_can_be_read(outbox, tmp_path, body, handlers):
    (first,) = ask(handlers.single, (body, "k"))
    path = tmp_path / "outbox" / "outbox-000001.sqlite"
    outbox._file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._file._connection.execute("DROP TABLE entries")
    assert ask(handlers.single, (body, "k")) == [first]
    ask(handlers.single, (body, "other"))
    assert path.exists()
    assert ask(handlers.single, (body, "k")) == [first]
