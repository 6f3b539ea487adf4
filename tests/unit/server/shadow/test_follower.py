"""Following the predictions: each is scored once, whatever fails in between and however late it is stored."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from server.scoring.model import ready_model
from server.shadow import follower as module
from server.shadow.follower import Follower, beginning
from tabular.errors import Unavailable
from tests.adapters.memory.shadow import MemoryShadow
from tests.conftest import random_records
from tests.unit.server.shadow.stored import NOON, at_second, made_by

EVENING = NOON + timedelta(hours=6)


@pytest.fixture(scope="module")
def model(bundle):
    return ready_model("run2", bundle)


@pytest.fixture
def store():
    return MemoryShadow()


@pytest.fixture
def counts():
    return []


def follower(store, model, counts, progress=None):
    begun = progress or beginning(model.table, model.run_id, NOON)
    return Follower(store, model, begun, lambda new, left_out: counts.append((new, left_out)))


def stored(model, count, first=0, run_id="run1"):
    return made_by(model, random_records(model.bundle.contract, count, seed=first), first, run_id=run_id)


def through(one, now):
    while one.step(now):
        pass


def test_every_prediction_is_scored_once(store, model, counts):
    store.stored.save(stored(model, 1_200))
    one = follower(store, model, counts)
    through(one, EVENING)
    assert len(store.saved) == 1_200
    through(one, EVENING + timedelta(hours=1))
    assert (sum(new for new, _ in counts), len(store.saved)) == (1_200, 1_200)
    assert one.lag_seconds(EVENING + timedelta(hours=1)) == 0


def test_what_it_responded_to_itself_is_not_scored_again(store, model, counts):
    store.stored.save(stored(model, 3) + stored(model, 2, first=3, run_id="run2"))
    through(follower(store, model, counts), EVENING)
    assert sorted(known for _, known in store.saved) == ["p0", "p1", "p2"]
    assert (sum(new for new, _ in counts), sum(left for _, left in counts)) == (3, 0)


def test_what_its_contract_does_not_allow_is_counted(store, model, counts):
    good, bad = stored(model, 2)
    store.stored.save([good, msgspec.structs.replace(bad, row={})])
    through(follower(store, model, counts), EVENING)
    assert (sum(new for new, _ in counts), len(store.saved)) == (1, 1)
    assert sum(left for _, left in counts) >= 1


def test_nothing_younger_than_it_takes_to_store_is_read(store, model, counts):
    store.stored.save(stored(model, 10))
    one = follower(store, model, counts)
    through(one, at_second(7))
    assert len(store.saved) == 5
    assert one.progress.position == at_second(5)
    through(one, at_second(12))
    assert len(store.saved) == 10


def test_a_restarted_one_goes_on_where_the_last_was(store, model, counts):
    store.stored.save(stored(model, 700))
    follower(store, model, counts).step(EVENING)
    before = len(store.saved)
    assert 0 < before < 700
    through(follower(store, model, counts, store.progress(model.table, "run2")), EVENING)
    assert len(store.saved) == 700
    assert sum(new for new, _ in counts) == 700


def test_killed_before_its_position_was_saved_it_scores_again_and_stores_once(store, model, counts):
    store.stored.save(stored(model, 700))
    follower(store, model, counts).step(EVENING)
    first = dict(store.saved)
    through(follower(store, model, counts), EVENING)  # from the beginning
    assert len(store.saved) == 700
    assert all(store.saved[key] == score for key, score in first.items())


def test_while_the_store_is_down_nothing_is_passed_over(store, model, counts):
    store.stored.save(stored(model, 20))
    one = follower(store, model, counts)
    store.is_down = True
    with pytest.raises(Unavailable):
        one.step(EVENING)
    assert one.progress.position == NOON
    assert one.lag_seconds(EVENING) == pytest.approx(6 * 3_600 - 2)
    store.is_down = False
    through(one, EVENING)
    assert len(store.saved) == 20


def test_what_is_stored_minutes_late_is_found_by_the_second_reading(store, model, counts):
    made = stored(model, 30)
    store.stored.save(made[::2])
    one = follower(store, model, counts)
    through(one, at_second(60))
    store.stored.save(made)  # an outbox that could not reach the store until now
    through(one, at_second(120))
    assert len(store.saved) == 15
    through(one, at_second(30) + module.READ_AGAIN_AFTER)
    assert len(store.saved) == 30
    assert sum(new for new, _ in counts) == 30


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_clock_that_was_ahead_passes_over_nothing(store, model, counts, is_restarted):
    made = stored(model, 40)
    store.stored.save(made[:8])
    one = follower(store, model, counts)
    for now in (at_second(10), EVENING, at_second(12)):
        through(one, now)
    assert store.progress(model.table, "run2").position == at_second(10)
    if is_restarted:
        one = follower(store, model, counts, store.progress(model.table, "run2"))
    store.stored.save(made)
    through(one, at_second(42))
    assert {known for _, known in store.saved} == {f"p{at}" for at in (*range(8), *range(10, 40))}
    through(one, at_second(40) + module.READ_AGAIN_AFTER)
    assert len(store.saved) == 40, "the second reading finds what was made while the clock was ahead"


def test_a_position_that_passes_nothing_is_saved_once_a_minute_alone(store, model, counts):
    one = follower(store, model, counts)
    through(one, at_second(30))
    assert store.progresses == {}
    through(one, at_second(90))
    assert store.progress(model.table, "run2").position == at_second(88)
