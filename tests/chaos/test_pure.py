"""The schedule and the audit of the chaos run: repeatable, and blind to no loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.audit.comparison import Promises, Streams, audit
from tests.chaos.audit.ledger import Attempt, Ledger
from tests.chaos.audit.report import table
from tests.chaos.audit.shadow import Shadow
from tests.chaos.audit.stored import Stored
from tests.chaos.faults.breaker import Window
from tests.chaos.faults.schedule import AT_REST, IN_TURN, LONG_PAUSE_SECONDS, MIX, schedule, smoke


def faults(rounds):
    return [fault for each in rounds for fault in (*each.faults, *each.at_rest)]


def test_the_same_seed_gives_the_same_schedule_and_another_one_another():
    assert schedule(7, 10) == schedule(7, 10)
    assert schedule(7, 10) != schedule(8, 10)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_hold_two_hundred_faults_of_every_kind_within_their_rounds(seed):
    rounds = schedule(seed, 10)
    assert len(faults(rounds)) >= 200
    assert {fault.kind for fault in faults(rounds)} == {*MIX, *IN_TURN, *AT_REST}
    assert all(0 <= fault.at_seconds < each.seconds for each in rounds for fault in each.faults)
    assert max(fault.length_seconds for fault in faults(rounds)) == LONG_PAUSE_SECONDS


def test_a_smoke_run_breaks_every_thing_once():
    assert {fault.kind for fault in faults(smoke(0, 20))} == {*MIX, *AT_REST}


GOOD = Promises(
    {"a": 0.1},
    frozenset({"a", "b"}),
    frozenset({"k1", "k2"}),
    labelled={"a": "yes"},
    labelled_keys={"k1": "no"},
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


# `k1` is the business key of record 1; the challenger gives 0.6 for it.
SHADOW = Shadow([("a", 0.7), ("s", 0.6)], lambda key: 0.6 if key == "k1" else None, since_us=10, until_us=100)


def broken(promises=GOOD, found=None, stored=STORED, history=HISTORY, waiting=(), shadow=SHADOW):
    broken = audit(promises, found or streams(), stored, history, waiting, shadow)
    return {kind for kind, which in broken.items() if which}


def test_nothing_is_broken_where_every_promise_was_kept():
    assert broken() == set()
    assert streams().without_outcome == 0


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("acknowledged, not in the store", {"stored": STORED[1:], "waiting": ["a"], "shadow": None}),
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
            {"stored": [*STORED, replace(API, id="b", label="no")], "history": [*HISTORY, ("b", 60)], "shadow": None},
        ),
        ("label without its entry in the history", {"history": HISTORY[1:]}),
        ("label twice in the history", {"history": [*HISTORY, ("s", 70)]}),
        (
            "label acknowledged, without a prediction and not waiting",
            {"promises": replace(GOOD, labelled=GOOD.labelled | {"gone": "yes"})},
        ),
        ("label both attached and waiting", {"waiting": ["a"]}),
        ("label both attached and waiting", {"waiting": ["k1"]}),
        ("labelled, without a score in the shadow", {"shadow": replace(SHADOW, scores=SHADOW.scores[:1])}),
        ("scored twice in the shadow", {"shadow": replace(SHADOW, scores=[*SHADOW.scores, ("a", 0.7)])}),
        ("scored in the shadow, not in the store", {"shadow": replace(SHADOW, scores=[*SHADOW.scores, ("x", 0.7)])}),
        (
            "score in the shadow that is not the challenger's",
            {"shadow": replace(SHADOW, scores=[("a", 0.7), ("s", 0.6000000000000001)])},
        ),
        ("dead letter of a label", {"found": streams(label_letters={"it is no label"})}),
        ("dead letter of no record", {"found": streams(letters={("shard", "2"): 1, ("shard", "9"): 1})}),
    ],
)
def test_each_broken_promise_is_seen(kind, change):
    assert broken(**change) == {kind}


def test_a_label_that_waits_is_not_lost():
    promises = replace(GOOD, labelled_keys=GOOD.labelled_keys | {"k9": "no"})
    assert broken(promises) == {"label acknowledged, without a prediction and not waiting"}
    assert broken(promises, waiting=["k9"]) == set()


def test_what_was_made_or_labelled_by_a_clock_that_was_set_off_has_no_pair_yet():
    late = replace(SHADOW, scores=SHADOW.scores[:1])
    for change in ({"made_at_us": 5}, {"made_at_us": 101}, {"labelled_at_us": 101}):
        stored = [API, replace(STREAM, **change)]
        history = [*HISTORY, ("s", stored[1].labelled_at_us)]
        assert not broken(stored=stored, history=history, shadow=late) & {"labelled, without a score in the shadow"}


def test_of_a_record_that_was_put_twice_one_prediction_has_the_label():
    twin = replace(STREAM, id="t", label=None)
    assert "label acknowledged, not on its prediction" not in broken(stored=[*STORED, twin])
    alone = broken(stored=[API, twin])
    assert "label acknowledged, not on its prediction" in alone


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
