"""A key that was answered gives that answer again, whatever model answers now; with another body it is refused."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from time import perf_counter

import pytest

from server.api.errors import Refusal
from server.api.handlers import Handlers, Scored, replayed
from server.api.metrics import ApiMetrics
from server.outbox import idempotency as kept_answers
from server.outbox.group_commit import GroupCommit
from server.outbox.idempotency import KeptAnswer
from server.outbox.queue import Outbox
from server.scoring.model import Model, ready_model


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
    return Handlers(following, outbox, ApiMetrics(outbox), 10_000)


@pytest.fixture
def body(contract):
    return json.dumps(contract.example).encode()


def ask(handlers, outbox, *asked):
    """The answers to single rows that come in one turn of the loop: bytes, or the refusal."""

    async def one(group, body, key):
        scored = handlers.predict(body, key)
        if isinstance(scored, KeptAnswer):
            return scored.body
        standing = await group.written(scored.prediction, perf_counter(), scored.kept)
        return scored.answer if standing in {None, scored.kept} else replayed(standing, scored.kept).body

    async def run():
        group = GroupCommit(outbox, ApiMetrics(outbox))
        return await asyncio.gather(*(one(group, *each) for each in asked), return_exceptions=True)

    return asyncio.run(run())


def depth(outbox):
    return outbox.status().current.depth


def test_the_answer_that_was_given_is_given_again_though_the_model_has_changed(handlers, outbox, following, body):
    (first,) = ask(handlers, outbox, (body, "k"))
    following.model = replace(following.model, run_id="second")
    assert ask(handlers, outbox, (body, "k")) == [first]
    assert json.loads(first)["model_run_id"] == "first"
    assert json.loads(ask(handlers, outbox, (body, "other"))[0])["model_run_id"] == "second"
    assert depth(outbox) == 2


def test_another_body_under_a_used_key_is_422_and_changes_nothing(handlers, outbox, body):
    ask(handlers, outbox, (body, "k"))
    with pytest.raises(Refusal) as refused:
        handlers.predict(body + b" ", "k")
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert refused.value.faults[0].field == "Idempotency-Key"
    assert depth(outbox) == 1


def test_of_two_at_once_the_first_is_answered_and_the_other_gets_the_same_or_is_refused(
    handlers, outbox, contract, body
):
    other = json.dumps(contract.example | {"customer_age": 30}).encode()
    first, same, refused, alone = ask(handlers, outbox, (body, "k"), (body, "k"), (other, "k"), (other, None))
    assert first == same
    assert refused.code == "idempotency_key_reused"
    assert json.loads(alone)["prediction_id"] != json.loads(first)["prediction_id"]
    assert depth(outbox) == 2


def test_workers_that_share_an_outbox_share_the_keys(handlers, outbox, following, body, tmp_path):
    (first,) = ask(handlers, outbox, (body, "k"))
    other = Outbox(tmp_path / "outbox", 10_000_000, "normal")
    assert ask(Handlers(following, other, ApiMetrics(other), 10), other, (body, "k")) == [first]


def test_what_another_worker_answered_since_it_was_looked_up_stands(handlers, outbox, following, body, tmp_path):
    scored = handlers.predict(body, "k")
    assert isinstance(scored, Scored)
    other = Outbox(tmp_path / "outbox", 10_000_000, "normal")
    following.model = replace(following.model, run_id="second")
    (theirs,) = ask(Handlers(following, other, ApiMetrics(other), 10), other, (body, "k"))
    standing, written = outbox.append_keyed([scored.prediction], [scored.kept])
    assert standing[scored.prediction.id].body == theirs
    assert written == []
    assert depth(outbox) == 1


@pytest.mark.parametrize("kind", ["array", "lines"])
def test_a_batch_is_answered_once_for_its_key(handlers, outbox, following, contract, kind):
    row = json.dumps(contract.example)
    body, other = (
        (f"[{','.join([row, '{}'] * count)}]" if kind == "array" else "\n".join([row, "{}"] * count)).encode()
        for count in (2, 3)
    )
    answer = getattr(handlers, kind)
    first = answer(body, "k")
    following.model = replace(following.model, run_id="second")
    assert answer(body, "k").body == first
    assert depth(outbox) == 2
    with pytest.raises(Refusal) as refused:
        answer(other, "k")
    assert refused.value.faults[0].problem == "was used with another body or media type here"
    assert isinstance(handlers.predict(row.encode(), "k"), Scored), "the key of a batch is not that of a row"


def test_what_was_refused_may_be_sent_again_mended_under_its_key(handlers, outbox, body):
    with pytest.raises(Exception, match="contract"):
        handlers.predict(b"{}", "k")
    handlers.array(b"[{}]", "k")
    assert ask(handlers, outbox, (body, "k"))[0] == ask(handlers, outbox, (body, "k"))[0]
    assert isinstance(handlers.array(b"[" + body + b"]", "k"), bytes)


def kept(number, size=100):
    return KeptAnswer(f"id{number}", b"d" * 16, b"x" * size)


def test_answers_are_forgotten_after_their_time(outbox, monkeypatch):
    outbox.append_batch([], kept(1))
    assert outbox.answer("id1") == kept(1)
    later = time.time() + kept_answers.KEPT_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert outbox.answer("id1") is None
    outbox.append_batch([], kept(1, 50))
    assert outbox.answer("id1") == kept(1, 50)


def test_answers_take_a_share_of_the_outbox_and_the_oldest_go_first(outbox):
    for number in range(60):
        outbox.append_batch([], kept(number, 100_000))
    there = [number for number in range(60) if outbox.answer(f"id{number}")]
    assert there == list(range(there[0], 60))
    assert 10_000_000 / 4 * 0.8 < len(there) * 100_000 <= 10_000_000 / 4


def test_answers_outlive_a_damaged_file_as_far_as_they_can_be_read(outbox, tmp_path, body, handlers):
    (first,) = ask(handlers, outbox, (body, "k"))
    path = tmp_path / "outbox" / "outbox-000001.sqlite"
    outbox._file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._file._connection.execute("DROP TABLE pages")
    assert ask(handlers, outbox, (body, "k")) == [first]
    ask(handlers, outbox, (body, "other"))
    assert path.exists()
    assert ask(handlers, outbox, (body, "k")) == [first]
