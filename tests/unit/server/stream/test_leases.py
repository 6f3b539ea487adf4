"""How consumers share shards out, on a clock of the test's own and a store in memory that can be cut off."""

from __future__ import annotations

import pytest

from server.stream.leases import NameTaken
from server.stream.membership import Watch, fair_share
from tabular.errors import Unavailable
from tests.unit.server.memory_leases import LEASE_SECONDS, SHARDS, Town, at


@pytest.fixture
def town() -> Town:
    return Town()


def test_one_alone_has_every_shard_at_once(town):
    assert sorted(town.join("a").claim(SHARDS)) == SHARDS


@pytest.mark.parametrize(
    ("shards", "names", "wanted"), [(8, "ab", [4, 4]), (8, "abc", [3, 3, 2]), (1, "abc", [1, 0, 0])]
)
def test_the_fair_shares_make_up_all_shards(shards, names, wanted):
    assert [fair_share(shards, names, name) for name in names] == wanted


def test_a_newcomer_gets_its_share_and_nobody_loses_a_lease_for_it(town):
    town.join("a")
    town.pass_time(2)
    town.join("b")
    town.pass_time(3)
    assert town.held() == {"a": 4, "b": 4}
    town.join("c")
    town.pass_time(3)
    assert town.held() == {"a": 3, "b": 3, "c": 2}
    assert all(consumer.standing().lost == 0 for consumer in town.consumers.values())
    assert None not in town.owners()


def test_more_consumers_than_shards_leave_some_idle_and_ready(town):
    for name in "abcdefghij":
        town.join(name)
    town.pass_time(10)
    assert sorted(town.held().values()) == [0, 0] + [1] * 8


def test_the_shards_of_a_silent_one_are_taken_within_the_lease_and_not_before_its_patience(town):
    town.join("a"), town.join("b")
    town.pass_time(5)
    town.asleep.add("a")
    town.pass_time(6)
    assert town.owners().count("a") == 4, "a consumer that stutters keeps its shards"
    town.pass_time(4)
    assert town.owners() == ["b"] * 8
    assert "a" not in town.store.alive


def test_one_that_leaves_hands_over_at_once(town):
    town.join("a"), town.join("b")
    town.pass_time(5)
    town.leave("a")
    town.pass_time(1)
    assert town.owners() == ["b"] * 8


def test_one_that_was_paused_past_its_lease_cannot_save_and_gets_no_shard_back_but_its_share(town):
    a, b = town.join("a"), town.join("b")
    town.pass_time(5)
    shard = next(iter(a.claim(SHARDS)))
    assert a.save({shard: at(1)}) == []
    town.asleep.add("a")
    town.pass_time(12)
    assert b.saved(shard) == {"stream": "s@1", "sequence_number": "1", "is_finished": False}
    assert b.save({shard: at(2)}) == []
    assert a.save({shard: at(1)}) == [shard]
    assert town.store.table[shard].position["sequence_number"] == "2"
    town.asleep.clear()
    town.pass_time(5)
    assert town.held() == {"a": 4, "b": 4}
    assert town.store.table[shard].position["sequence_number"] == "2"


def test_one_that_was_paused_knows_before_it_publishes(town):
    a, _ = town.join("a"), town.join("b")
    town.pass_time(5)
    shard = next(iter(a.claim(SHARDS)))
    assert a.are_held([shard])
    town.asleep.add("a")
    town.pass_time(12)
    assert not a.are_held([shard])


def test_one_that_was_paused_and_alone_goes_on_with_its_batch(town):
    a = town.join("a")
    a.claim(SHARDS)
    town.now += 100
    assert a.are_held(SHARDS)
    assert a.save({SHARDS[0]: at(1)}) == []


def test_a_store_outage_takes_nobodys_lease(town):
    town.join("a"), town.join("b")
    town.pass_time(5)
    before = town.owners()
    town.now += 60  # nobody could beat or look
    for consumer in town.consumers.values():
        consumer.beat()
        consumer.claim(SHARDS)
    town.pass_time(3)
    assert town.owners() == before


def test_without_the_store_nothing_is_claimed(town):
    a = town.join("a")
    a.claim(SHARDS)
    town.store.is_down = True
    assert a.claim(SHARDS), "a short outage is bridged"
    town.now += LEASE_SECONDS
    with pytest.raises(Unavailable):
        a.claim(SHARDS)


def test_the_next_life_of_a_killed_consumer_takes_its_own_shards_without_waiting(town):
    first = town.join("a")
    first.claim(SHARDS)
    first.save({SHARDS[0]: at(7)})
    second = town.join("a")
    assert sorted(second.claim(SHARDS)) == SHARDS
    assert second.saved(SHARDS[0])["sequence_number"] == "7"


def test_of_two_with_one_name_the_later_goes_on_and_the_earlier_ends_with_the_reason(town):
    first = town.join("a")
    first.claim(SHARDS)
    second = town.join("a")
    second.claim(SHARDS)
    first.beat()
    with pytest.raises(NameTaken, match="CONSUMER_NAME"):
        first.claim(SHARDS)
    assert sorted(second.claim(SHARDS)) == SHARDS


def test_a_taking_that_another_was_faster_at_is_no_lease(town):
    a, b = town.join("a"), town.join("b")
    a.beat(), b.beat()
    town.store.alive.clear()
    a.beat()
    assert sorted(a.claim(SHARDS)) == SHARDS
    assert b.claim(SHARDS) == {}


def test_a_look_from_before_a_taking_does_not_undo_it(town):
    a = town.join("a")
    a.beat()
    a.claim(SHARDS)  # the last look was before: there, nobody had a shard
    assert a.standing().held == 8
    assert sorted(a.claim(SHARDS)) == SHARDS


def test_a_shard_that_is_done_with_is_given_up(town):
    a = town.join("a")
    a.claim(SHARDS)
    assert sorted(a.claim(SHARDS[1:])) == SHARDS[1:]
    assert town.store.table[SHARDS[0]].owner is None


def test_a_shard_without_an_owner_is_told(town):
    a = town.join("a")
    a.claim(SHARDS)
    assert a.standing().without_owner == 0
    town.store.alive["ghost"] = -1  # it beats, by the clock of a, for a while; and takes nothing
    a.beat()
    a.claim(SHARDS)
    assert a.standing().held == 4
    a.beat()
    a.claim(SHARDS)
    assert a.standing().without_owner == 4
    town.pass_time(10)
    assert (a.standing().held, a.standing().without_owner) == (8, 0)


def test_a_beat_counts_by_its_change_and_the_watchers_clock():
    watch = Watch(patience_seconds=7.5)
    for second in range(20):
        alive = watch.alive({"steady": 5, "beating": -second, "backwards": 1_000 - second}, float(second))
    assert alive == {"beating", "backwards"}
    assert watch.alive({"steady": 5}, 100.0) == {"steady"}, "who was away judges nobody"
