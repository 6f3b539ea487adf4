"""The schedule and the audit of the chaos run: repeatable, and blind to no loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.audit.comparison import Promises, Stored, Streams, audit
from tests.chaos.audit.ledger import Attempt, Ledger
from tests.chaos.audit.report import table
from tests.chaos.faults.breaker import Window
from tests.chaos.faults.schedule import AT_REST, EVERY_OTHER_ROUND, LONG_PAUSE_SECONDS, MIX, schedule, smoke


def faults(rounds):
    return [fault for each in rounds for fault in (*each.faults, *each.at_rest)]


def test_the_same_seed_gives_the_same_schedule_and_another_one_another():
    assert schedule(7, 10) == schedule(7, 10)
    assert schedule(7, 10) != schedule(8, 10)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_hold_two_hundred_faults_of_every_kind_within_their_rounds(seed):
    rounds = schedule(seed, 10)
    assert len(faults(rounds)) >= 200
    assert {fault.kind for fault in faults(rounds)} == {*MIX, *EVERY_OTHER_ROUND, *AT_REST}
    assert all(0 <= fault.at_seconds < each.seconds for each in rounds for fault in each.faults)
    assert max(fault.length_seconds for fault in faults(rounds)) == LONG_PAUSE_SECONDS


def test_a_smoke_run_breaks_every_thing_once():
    assert {fault.kind for fault in faults(smoke(0, 20))} == {*MIX, *AT_REST}


GOOD = Promises(
    {"a": 0.1},
    frozenset({"a", "b"}),
    frozenset({"k1", "k2"}),
    labelled={"a": "yes"},
    labelled_keys={"k1": ("no", 50)},
    told=frozenset({"a", "k1"}),
)
API, STREAM = Stored("a", "api", 0.1, None, 40, "yes", 60), Stored("s", "stream", 0.2, "k1", 40, "no", 70)
STORED = [API, STREAM]
HISTORY = [("a", 60), ("a", 55), ("s", 70)]


def streams(**changes) -> Streams:
    whole = {
        "records": {("shard", "1"): "s", ("shard", "2"): "d"},
        "keys": {"k1", "k2"},
        "results": {"s": [0.2, 0.2]},
        "letters": {("shard", "2"): 1},
    }
    return Streams(**{**whole, **changes})


def broken(promises=GOOD, found=None, stored=STORED, history=HISTORY):
    return {kind for kind, which in audit(promises, found or streams(), stored, history).items() if which}


def test_nothing_is_broken_where_every_promise_was_kept():
    assert broken() == set()
    assert streams().without_outcome == 0


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("acknowledged, not in the store", {"stored": STORED[1:]}),
        ("stored more than once", {"stored": [*STORED, STORED[0]]}),
        ("stored with another score than the response's", {"stored": [replace(API, score=0.3), STREAM]}),
        ("stored by the API, never asked for", {"stored": [*STORED, Stored("x", "api", 0.1)]}),
        ("put, not on the stream", {"found": streams(keys={"k1"})}),
        ("stored by the consumer, not on the stream", {"stored": [*STORED, Stored("x", "stream", 0.1)]}),
        ("record neither stored nor dead", {"found": streams(letters={})}),
        ("record both stored and dead", {"found": streams(letters={("shard", "1"): 1, ("shard", "2"): 1})}),
        ("stored, without a result", {"found": streams(results={})}),
        ("result with another score than stored", {"found": streams(results={"s": [0.2, 0.3]})}),
        ("label acknowledged, not on its prediction", {"stored": [replace(API, label=None), STREAM]}),
        ("label acknowledged, not on its prediction", {"stored": [API, replace(STREAM, label="yes")]}),
        (
            "label that nobody sent",
            {"stored": [*STORED, replace(API, id="b", label="no")], "history": [*HISTORY, ("b", 60)]},
        ),
        ("label without its entry in the history", {"history": HISTORY[1:]}),
        ("label twice in the history", {"history": [*HISTORY, ("s", 70)]}),
        ("dead letter of a label", {"found": streams(label_letters={"it is no label"})}),
        ("dead letter of no record", {"found": streams(letters={("shard", "2"): 1, ("shard", "9"): 1})}),
    ],
)
def test_each_broken_promise_is_seen(kind, change):
    assert broken(**change) == {kind}


def test_a_label_by_key_does_not_count_for_a_prediction_made_after_it():
    assert broken(stored=[API, replace(STREAM, made_at_us=51, label=None)]) == set()


def test_a_prediction_nobody_was_told_of_may_be_stored_if_it_was_asked_for():
    assert broken(stored=[*STORED, Stored("b", "api", 0.5)]) == set()


def test_two_responses_to_one_request_must_be_the_same():
    ledger = Ledger()
    ledger.served({"a": 0.1})
    ledger.served({"a": 0.1})
    assert not ledger.unforeseen
    ledger.served({"a": 0.2})
    assert ledger.unforeseen


def test_the_table_counts_a_request_for_every_fault_it_met():
    windows = [Window("kill", 0.0, 2.0), Window("pause", 1.0, 3.0)]
    attempts = [Attempt(0.5, 0.1, 200), Attempt(1.5, 0.2, 0), Attempt(9.0, 0.003, 200)]
    text = table(windows, attempts)
    assert "| kill | 1 | 2 | 2 | 50.0 | 100 |" in text
    assert "| pause | 1 | 2 | 1 | 100.0 | - |" in text
    assert "| no fault |  |  | 1 | 0.0 | 3 |" in text
