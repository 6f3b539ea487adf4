"""Who may stay when there are too many connections."""

from __future__ import annotations

import pytest

from server.connections.bounds import CROWDED
from server.connections.clients import MAX_REJECTED, Clients


class Client:
    def __init__(self, peer="1.1.1.1", *, is_waiting=True):
        self.peer, self.is_waiting, self.said, self.checked = peer, is_waiting, None, 0.0

    def check(self, now):
        self.checked = now

    def drop(self):
        self.said = "dropped"

    def reject(self):
        self.said = "rejected"


@pytest.fixture
def told():
    return []


@pytest.fixture
def clients(told):
    made = Clients(max_connections=5, max_per_peer=3, count=told.append)
    made.on_change = told.append
    return made


def let_in(clients, *new):
    for client in new:
        clients.enter(client)
    return new


def test_beyond_what_one_peer_may_have_the_one_that_waited_longest_goes(clients):
    first, second, third, fourth = let_in(clients, *(Client() for _ in range(4)))
    assert first.said == "dropped"
    assert {second.said, third.said, fourth.said} == {None}
    assert len(clients) == 3


def test_those_that_are_being_served_stay_and_those_served_last_go_last(clients):
    busy, served, quiet = let_in(clients, Client(is_waiting=False), Client(), Client())
    clients.served(served)
    let_in(clients, Client())
    assert (busy.said, served.said, quiet.said) == (None, None, "dropped")


def test_where_all_are_being_served_the_new_one_is_rejected(clients):
    *_, new = let_in(clients, *(Client(is_waiting=False) for _ in range(4)))
    assert new.said == "rejected"
    assert len(clients) == 3
    clients.check(7.0)
    assert new.checked == 7.0  # until it is gone


def test_of_a_crowd_that_is_turned_away_not_all_are_told(clients):
    crowd = let_in(clients, *(Client(is_waiting=False) for _ in range(3 + MAX_REJECTED + 2)))
    assert [each.said for each in crowd[-2:]] == ["dropped", "dropped"]
    clients.leave(crowd[3])
    (new,) = let_in(clients, Client(is_waiting=False))
    assert new.said == "rejected"


def test_beyond_what_all_may_have_the_peer_with_the_most_gives_way(clients):
    crowd = let_in(clients, *(Client("2.2.2.2") for _ in range(3)))
    few = let_in(clients, *(Client(f"3.3.3.{at}") for at in range(3)))
    assert crowd[0].said == "dropped"
    assert {each.said for each in (*crowd[1:], *few)} == {None}


def test_one_that_leaves_makes_room_and_may_leave_twice(clients):
    first, *_ = let_in(clients, *(Client() for _ in range(3)))
    clients.leave(first)
    clients.leave(first)
    (new,) = let_in(clients, Client())
    assert new.said is None
    assert len(clients) == 3


def test_how_many_there_are_and_will_be_is_told(clients, told):
    clients.expect(2)
    (one,) = let_in(clients, Client())
    clients.expect(-2)
    clients.leave(one)
    assert told == [2, 3, 1, 0]


def test_one_that_cannot_be_checked_keeps_nobody_else_from_it(clients):
    class Odd(Client):
        def check(self, now):
            raise RuntimeError(now)

    odd, other = let_in(clients, Odd(), Client("4.4.4.4"))
    clients.check(7.0)
    assert (odd.said, other.checked) == ("dropped", 7.0)


def test_all_are_checked_and_errors_counted(clients, told):
    one, other = let_in(clients, Client(), Client("4.4.4.4"))
    clients.check(7.0)
    clients.rejected(CROWDED)
    assert (one.checked, other.checked) == (7.0, 7.0)
    assert told[-1] == 503
