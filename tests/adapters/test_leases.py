"""Leases over a real connection and in memory: of many that want one, one gets it; who lost it saves nothing."""

from __future__ import annotations

import threading

import pytest

from embedded.services.service import free_port
from tabular.adapters.mongo.connection import mongo_client
from tabular.adapters.mongo.leases import MongoLeases
from tabular.errors import Unavailable
from tabular.ports.streams import Lease
from tests.adapters.memory.leases import MemoryLeases

POSITION = {"stream": "s@1", "sequence_number": "1" * 56, "is_finished": False}


@pytest.fixture
def leases(store, settings, database):
    adapter = MongoLeases(settings.mongo_uri, database, "churn")
    yield adapter
    adapter.close()


@pytest.fixture(params=["mongo", "memory"])
def either(request):
    """The store of leases, and its twin in memory."""
    return request.getfixturevalue("leases") if request.param == "mongo" else MemoryLeases()


def test_nobody_has_a_lease_at_first_and_the_first_to_take_it_has_it(either):
    assert either.leases("s") == {}
    assert either.acquire("s", "one", None, "a") == Lease("a", 1, None)
    assert either.acquire("s", "one", None, "b") is None
    assert either.leases("s") == {"one": Lease("a", 1, None)}


def test_a_lease_is_taken_only_as_it_was_seen(either):
    seen = either.acquire("s", "one", None, "a")
    assert either.acquire("s", "one", seen, "b") == Lease("b", 2, None)
    assert either.acquire("s", "one", seen, "c") is None
    either.release("s", "one", "a", 1)
    assert either.leases("s") == {"one": Lease("b", 2, None)}, "what is not held cannot be given up"
    either.release("s", "one", "b", 2)
    assert either.leases("s") == {"one": Lease(None, 2, None)}
    assert either.acquire("s", "one", Lease(None, 2, None), "c") == Lease("c", 3, None)


def test_a_position_is_saved_only_under_the_lease_that_is_held_and_stays_when_it_is_taken(either):
    either.acquire("s", "one", None, "a")
    two = either.acquire("s", "two", None, "a")
    either.acquire("s", "two", two, "b")
    positions = {"one": POSITION, "two": POSITION | {"sequence_number": "back"}}
    assert either.save_positions("s", "a", {"one": 1, "two": 1}, positions) == {"one"}
    assert either.save_positions("s", "a", {"one": 1}, positions) == {"one"}, "the same once more"
    found = either.leases("s")
    assert found["two"] == Lease("b", 2, None)
    position = {key: found["one"].position[key] for key in POSITION}
    assert (position, type(position["is_finished"])) == (POSITION, bool)
    assert either.acquire("s", "one", found["one"], "c").position == found["one"].position
    either.release("s", "one", "c", 2)
    assert either.leases("s")["one"].position["is_finished"] is False


def test_of_eight_that_want_a_lease_at_the_same_moment_exactly_one_gets_it(leases, settings, database):
    rounds, names = 25, [f"c{at}" for at in range(8)]
    start = threading.Barrier(len(names))
    won: list[tuple[int, str]] = []

    def want(name: str) -> None:
        mine = MongoLeases(settings.mongo_uri, database, "churn")
        for at in range(rounds):
            mine.leases("s")
            start.wait()
            if mine.acquire("s", "new", None if at == 0 else Lease(f"round {at}", at, None), name):
                won.append((at, name))
            start.wait()
            if name == names[0]:  # a known holder again for the next round
                held = mine.leases("s")["new"]
                mine._checkpoints.update_one({"owner": held.owner}, {"$set": {"owner": f"round {at + 1}"}})
        mine.close()

    threads = [threading.Thread(target=want, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(at for at, _ in won) == list(range(rounds))
    assert leases.leases("s")["new"].fencing_token == rounds


def test_a_checkpoint_from_before_there_were_leases_is_taken_with_its_position(leases, settings, database):
    client = mongo_client(settings.mongo_uri)
    client[database]["checkpoints"].insert_one({"_id": "churn/s/one", **POSITION})
    client.close()
    seen = leases.leases("s")["one"]
    assert seen == Lease(None, 0, POSITION)
    assert leases.acquire("s", "one", seen, "a") == Lease("a", 1, POSITION)
    assert leases.acquire("s", "one", seen, "b") is None


def test_two_tables_that_share_a_stream_have_leases_of_their_own(leases, settings, database):
    other = MongoLeases(settings.mongo_uri, database, "churn-2")
    leases.acquire("s", "one", None, "a")
    leases.heartbeat("s", "a")
    assert other.leases("s") == {}
    assert other.heartbeats("s") == {}
    assert other.acquire("s", "one", None, "b") == Lease("b", 1, None)
    assert leases.leases("s") == {"one": Lease("a", 1, None)}
    other.close()


def test_a_table_that_reads_a_shard_for_the_first_time_begins_where_the_last_of_the_others_is(
    leases, settings, database
):
    tables = [MongoLeases(settings.mongo_uri, database, name) for name in ("churn-2", "churn-3", "churn-4")]
    for adapter, sequence_number in ((leases, "1"), (tables[0], "2")):
        adapter.acquire("s", "one", None, "a")
        adapter.acquire("s", "two", None, "a")
        adapter.save_positions("s", "a", {"one": 1}, {"one": POSITION | {"sequence_number": sequence_number}})
    found = tables[1].acquire("s", "one", None, "b")
    assert (found.owner, found.fencing_token, found.position["sequence_number"]) == ("b", 1, "2")
    assert tables[1].leases("s") == {"one": found}
    assert type(found.position["is_finished"]) is bool
    assert tables[1].acquire("s", "two", None, "b") == Lease("b", 1, None), "nobody has a position there"
    assert tables[1].acquire("s-2", "one", None, "b") == Lease("b", 1, None)
    assert leases.leases("s")["one"].position["sequence_number"] == "1"
    for adapter in tables:
        adapter.close()


def test_streams_of_like_names_keep_apart(either):
    for stream in ("s", "s-2", "s2", "t"):
        either.acquire(stream, "one", None, stream)
        either.heartbeat(stream, "a")
    assert either.leases("s") == {"one": Lease("s", 1, None)}
    either.leave("s", "a")
    assert either.heartbeats("s") == {}
    assert either.heartbeats("s-2").keys() == {"a"}


def test_every_heartbeat_differs_and_only_the_silent_are_forgotten(either):
    either.heartbeat("s", "a")
    first = either.heartbeats("s")["a"]
    either.heartbeat("s", "a")
    second = either.heartbeats("s")["a"]
    assert first != second
    either.leave("s", "a", first)
    assert either.heartbeats("s") == {"a": second}
    either.leave("s", "a", second)
    assert either.heartbeats("s") == {}


def test_a_store_that_is_down_is_unavailable(database):
    nobody = MongoLeases(f"mongodb://127.0.0.1:{free_port()}", database, "churn")
    with pytest.raises(Unavailable):
        nobody.acquire("s", "one", None, "a")
    nobody.close()
