"""The policy, for any state that a table can be in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_orchestration.react.policy import DAY, TRIGGERS, Alarm, Decision, Policy, TableState, decide

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
before_now = st.integers(0, 14 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
alarms = st.builds(
    Alarm, entry=st.sampled_from("abcdef"), kind=st.sampled_from(["drift", "score", "quality"]), since=before_now
)
policies = st.builds(
    Policy,
    retrain_on=st.frozensets(st.sampled_from(TRIGGERS)),
    min_labels=st.integers(1, 1_000),
    cool_down=st.integers(0, 72).map(lambda hours: timedelta(hours=hours)),
    max_a_day=st.integers(0, 5),
)
states = st.builds(
    TableState,
    now=st.just(NOW),
    alarms=st.lists(alarms, max_size=4),
    new_labels=st.integers(0, 2_000),
    is_scheduled=st.booleans(),
    is_changed=st.booleans(),
    attempts=st.lists(before_now, max_size=8),
    told=st.frozensets(st.sampled_from("abcdef")),
    challenger=st.none() | st.just("run"),
)
POLICY = Policy(
    retrain_on=frozenset({"schedule", "drift", "quality"}), min_labels=500, cool_down=timedelta(hours=6), max_a_day=3
)
QUALITY = Alarm(entry="a", kind="quality", since=NOW - timedelta(hours=1))


def trains(decision: Decision) -> bool:
    return decision.action in ("train", "retrain")


@settings(max_examples=500)
@given(states, policies)
def test_a_training_is_within_the_budget_and_after_the_cool_down(state, policy):
    if trains(decide(state, policy)):
        assert sum(NOW - at < DAY for at in state.attempts) < policy.max_a_day
        assert all(NOW - at >= policy.cool_down for at in state.attempts)


@settings(max_examples=500)
@given(states, policies)
def test_only_what_the_policy_names_starts_a_training_and_a_harvest_has_its_labels(state, policy):
    decision = decide(state, policy)
    if trains(decision):
        assert decision.trigger in policy.retrain_on
    if decision.action == "retrain":
        assert state.new_labels >= policy.min_labels
        assert state.challenger is None, "it would be replaced before there is evidence about it"
    if decision.action == "train":
        assert state.is_changed
        assert state.is_scheduled


@settings(max_examples=500)
@given(states, policies)
def test_every_decision_has_a_reason_and_the_same_state_the_same_decision(state, policy):
    decision = decide(state, policy)
    assert decision.reason
    assert decision.why
    assert decide(state, policy) == decision


@settings(max_examples=500)
@given(states, policies)
def test_an_alarm_is_told_of_once(state, policy):
    decision = decide(state, policy)
    if decision.action == "tell":
        assert not set(decision.about) & state.told
        after = msgspec.structs.replace(state, told=state.told | set(decision.about))
        assert decide(after, policy).action == "nothing"


@settings(max_examples=300)
@given(st.lists(states, min_size=1, max_size=1), policies, st.integers(1, 60))
def test_however_often_it_is_asked_it_trains_no_oftener_than_the_policy_says(first, policy, minutes):
    state, began = first[0], []
    state = msgspec.structs.replace(state, attempts=[])
    for step in range(200):
        state = msgspec.structs.replace(state, now=NOW + step * timedelta(minutes=minutes))
        if trains(decide(state, policy)):
            began.append(state.now)
            state = msgspec.structs.replace(state, attempts=began)
    for at in began:
        assert sum(at - DAY < other <= at for other in began) <= policy.max_a_day
    assert all(after - earlier >= policy.cool_down for earlier, after in pairwise(began))


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        (TableState(now=NOW), "nothing", "nothing_new"),
        (TableState(now=NOW, is_scheduled=True, is_changed=True), "train", "changed"),
        (TableState(now=NOW, is_changed=True), "nothing", "nothing_new"),
        (TableState(now=NOW, is_scheduled=True), "nothing", "nothing_new"),
        (TableState(now=NOW, new_labels=900), "nothing", "labels_wait"),
        (TableState(now=NOW, alarms=[QUALITY], new_labels=900), "retrain", "quality"),
        (TableState(now=NOW, alarms=[QUALITY], new_labels=900, challenger="run"), "nothing", "challenger"),
        (TableState(now=NOW, alarms=[QUALITY], new_labels=499), "tell", "alarm"),
        (TableState(now=NOW, alarms=[QUALITY], new_labels=499, told=frozenset("a")), "nothing", "told"),
        (
            TableState(now=NOW, is_scheduled=True, is_changed=True, attempts=[NOW - timedelta(hours=5)]),
            "nothing",
            "cool_down",
        ),
        (
            TableState(
                now=NOW,
                is_scheduled=True,
                is_changed=True,
                attempts=[NOW - timedelta(hours=each) for each in (8, 14, 20)],
            ),
            "nothing",
            "budget",
        ),
    ],
)
def test_what_is_decided(state, action, reason):
    decision = decide(state, POLICY)
    assert (decision.action, decision.reason) == (action, reason)


def test_the_reason_of_nothing_names_what_would_have_been_done():
    state = TableState(now=NOW, is_scheduled=True, is_changed=True, attempts=[NOW - timedelta(hours=5)])
    assert "cools down until 2026-11-20 13:00 UTC" in decide(state, POLICY).why
    assert "else: the table" in decide(state, POLICY).why


def test_an_alarm_that_has_no_labels_says_how_many_it_takes():
    state = TableState(now=NOW, alarms=[QUALITY], new_labels=20)
    assert "only 20 labels are new, and RETRAIN_MIN_LABELS is 500" in decide(state, POLICY).why
