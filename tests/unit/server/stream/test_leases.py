"""How consumers share shards out, on a clock of the test's own and a store in memory that can be cut off."""

from __future__ import annotations

import pytest

from server.stream.leases import NameTaken
from server.stream.membership import Liveness, quota
from tabular.errors import Unavailable
from tests.unit.server.consumer_group import LEASE_SECONDS, SHARDS, ConsumerGroup, at


@pytest.fixture
def group() -> ConsumerGroup:
    return ConsumerGroup()


def test_one_alone_has_every_shard_at_once(group):
    assert sorted(group.join("a").acquire(SHARDS)) == SHARDS


@pytest.mark.parametrize(
    ("shards", "names", "wanted"), [(8, "ab", [4, 4]), (8, "abc", [3, 3, 2]), (1, "abc", [1, 0, 0])]
)
def test_the_quotas_make_up_all_shards(shards, names, wanted):
    assert [quota(shards, names, name) for name in names] == wanted


def test_a_new_one_gets_its_quota_and_nobody_loses_a_lease_for_it(group):
    group.join("a")
    group.pass_time(2)
    group.join("b")
    group.pass_time(3)
    assert group.held() == {"a": 4, "b": 4}
    group.join("c")
    group.pass_time(3)
    assert group.held() == {"a": 3, "b": 3, "c": 2}
    assert all(consumer.summary().lost == 0 for consumer in group.consumers.values())
    assert None not in group.owners()


def test_more_consumers_than_shards_leave_some_idle_and_ready(group):
    for name in "abcdefghij":
        group.join(name)
    group.pass_time(10)
    assert sorted(group.held().values()) == [0, 0] + [1] * 8


def test_the_shards_of_a_silent_one_are_acquired_within_the_lease_and_not_before_the_timeout(group):
    group.join("a"), group.join("b")
    group.pass_time(5)
    group.paused.add("a")
    group.pass_time(6)
    assert group.owners().count("a") == 4, "a consumer that stutters keeps its shards"
    group.pass_time(4)
    assert group.owners() == ["b"] * 8
    assert ("s", "a") not in group.store.alive


def test_one_that_leaves_releases_at_once(group):
    group.join("a"), group.join("b")
    group.pass_time(5)
    group.leave("a")
    group.pass_time(1)
    assert group.owners() == ["b"] * 8


def test_one_that_was_paused_past_its_lease_cannot_save_and_gets_no_shard_back_beyond_its_quota(group):
    a, b = group.join("a"), group.join("b")
    group.pass_time(5)
    shard = next(iter(a.acquire(SHARDS)))
    assert a.save({shard: at(1)}) == []
    group.paused.add("a")
    group.pass_time(12)
    assert b.saved(shard) == {"stream": "s@1", "sequence_number": "1", "is_finished": False}
    assert b.save({shard: at(2)}) == []
    assert a.save({shard: at(1)}) == [shard]
    assert group.store.table["s", shard].position["sequence_number"] == "2"
    group.paused.clear()
    group.pass_time(5)
    assert group.held() == {"a": 4, "b": 4}
    assert group.store.table["s", shard].position["sequence_number"] == "2"


def test_one_that_was_paused_knows_before_it_publishes(group):
    a, _ = group.join("a"), group.join("b")
    group.pass_time(5)
    shard = next(iter(a.acquire(SHARDS)))
    assert a.are_held([shard])
    group.paused.add("a")
    group.pass_time(12)
    assert not a.are_held([shard])


def test_one_that_was_paused_and_alone_goes_on_with_its_batch(group):
    a = group.join("a")
    a.acquire(SHARDS)
    group.now += 100
    assert a.are_held(SHARDS)
    assert a.save({SHARDS[0]: at(1)}) == []


def test_a_store_outage_takes_nobodys_lease(group):
    group.join("a"), group.join("b")
    group.pass_time(5)
    before = group.owners()
    group.now += 60  # nobody could heartbeat or look
    for consumer in group.consumers.values():
        consumer.heartbeat()
        consumer.acquire(SHARDS)
    group.pass_time(3)
    assert group.owners() == before


def test_without_the_store_nothing_is_claimed(group):
    a = group.join("a")
    a.acquire(SHARDS)
    group.store.is_down = True
    assert a.acquire(SHARDS), "a short outage is bridged"
    group.now += LEASE_SECONDS
    with pytest.raises(Unavailable):
        a.acquire(SHARDS)


def test_the_next_life_of_a_killed_consumer_takes_its_own_shards_without_waiting(group):
    first = group.join("a")
    first.acquire(SHARDS)
    first.save({SHARDS[0]: at(7)})
    second = group.join("a")
    assert sorted(second.acquire(SHARDS)) == SHARDS
    assert second.saved(SHARDS[0])["sequence_number"] == "7"


def test_of_two_with_one_name_the_later_goes_on_and_the_earlier_ends_with_the_reason(group):
    first = group.join("a")
    first.acquire(SHARDS)
    second = group.join("a")
    second.acquire(SHARDS)
    first.heartbeat()
    with pytest.raises(NameTaken, match="CONSUMER_NAME"):
        first.acquire(SHARDS)
    assert sorted(second.acquire(SHARDS)) == SHARDS


def test_a_taking_that_another_was_faster_at_is_no_lease(group):
    a, b = group.join("a"), group.join("b")
    a.heartbeat(), b.heartbeat()
    group.store.alive.clear()
    a.heartbeat()
    assert sorted(a.acquire(SHARDS)) == SHARDS
    assert b.acquire(SHARDS) == {}


def test_a_look_from_before_a_taking_does_not_undo_it(group):
    a = group.join("a")
    a.heartbeat()
    a.acquire(SHARDS)  # the last look was before: there, nobody had a shard
    assert a.summary().held == 8
    assert sorted(a.acquire(SHARDS)) == SHARDS


def test_a_shard_that_is_done_with_is_given_up(group):
    a = group.join("a")
    a.acquire(SHARDS)
    assert sorted(a.acquire(SHARDS[1:])) == SHARDS[1:]
    assert group.store.table["s", SHARDS[0]].owner is None


def test_a_shard_without_an_owner_is_shown(group):
    a = group.join("a")
    a.acquire(SHARDS)
    assert a.summary().without_owner == 0
    group.store.alive["s", "ghost"] = -1  # it heartbeats, by the clock of a, for a while; and takes nothing
    a.heartbeat()
    a.acquire(SHARDS)
    assert a.summary().held == 4
    a.heartbeat()
    a.acquire(SHARDS)
    assert a.summary().without_owner == 4
    group.pass_time(10)
    assert (a.summary().held, a.summary().without_owner) == (8, 0)


def test_a_beat_counts_by_its_change_and_the_watchers_clock():
    watch = Liveness(timeout_seconds=7.5)
    for second in range(20):
        alive = watch.alive({"steady": 5, "beating": -second, "backwards": 1_000 - second}, float(second))
    assert alive == {"beating", "backwards"}
    assert watch.alive({"steady": 5}, 100.0) == {"steady"}, "who was away judges nobody"
