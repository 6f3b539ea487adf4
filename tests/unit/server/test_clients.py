"""Each client has its time; how it is left depends on what it was about. Over real sockets, with the clock moved."""

from __future__ import annotations

import logging
import mmap
import selectors
import socket
from time import monotonic
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from server.clients import DEFER_SECONDS, LINGER_SECONDS, REQUEST_SECONDS, Clients
from server.connection import Doing
from server.seats import Seat

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)  # noqa: FBT003
        yield made


@pytest.fixture
def clients(listener):
    config = Config()
    config.set("keepalive", 15)
    config.set("worker_connections", 3)
    seats = memoryview(mmap.mmap(-1, 64)).cast("i")
    worker = SimpleNamespace(cfg=config, alive=True, sockets=[listener], log=logging.getLogger(), seats=seats)
    worker.seat = Seat(seats, 0)
    made = Clients(worker, 1_000)
    made.worker = worker
    yield made
    made.poller.close()


@pytest.fixture
def meet(clients, listener):
    """A client, and the connection it has here."""
    sockets = []

    def meet_one():
        sockets.append(socket.create_connection(listener.getsockname(), timeout=5))
        known = {key.data for key in clients.poller.get_map().values()}
        clients.take_in(listener)
        (connection,) = {key.data for key in clients.poller.get_map().values()} - known
        return sockets[-1], connection

    yield meet_one
    for one in sockets:
        one.close()


def test_one_that_says_nothing_is_closed_without_a_word(clients, meet):
    client, _ = meet()
    clients.look(monotonic() + 14)
    assert len(clients) == 1
    clients.look(monotonic() + 16)
    assert client.recv(100) == b""
    assert len(clients) == 0


def test_one_that_is_too_slow_with_its_request_is_told_so_however_busily_it_sends(clients, meet):
    client, connection = meet()
    for piece in (HEAD, b"1", b"2"):
        connection.incoming.feed(piece)
        assert not connection.incoming.is_whole()
        clients.read_on(connection)
    assert connection.doing is Doing.ASKING
    clients.look(monotonic() + REQUEST_SECONDS - 1)
    assert connection.doing is Doing.ASKING
    clients.look(monotonic() + REQUEST_SECONDS + 1)
    assert client.recv(1_000).startswith(b"HTTP/1.1 408 ")
    assert connection.doing is Doing.LEAVING
    clients.look(monotonic() + LINGER_SECONDS + 1)
    assert len(clients) == 0


def test_one_that_does_not_take_its_answer_is_given_up_and_one_that_takes_it_slowly_is_not(clients, meet):
    client, connection = meet()
    connection.incoming.feed(HEAD + b"0123456789")
    assert connection.incoming.is_whole()
    clients.answered(connection, b"x" * 20_000_000, keeps=True)
    assert connection.doing is Doing.TAKING
    deadline = connection.deadline
    client.recv(1_000_000)
    clients.send(connection)
    assert connection.deadline > deadline
    clients.look(connection.deadline + 1)
    assert len(clients) == 0


def test_what_is_held_for_clients_is_counted_and_given_back(clients, meet):
    met = [meet() for _ in range(3)]
    for _, connection in met:
        connection.incoming.feed(HEAD + b"12345")
        assert not connection.incoming.is_whole()
        clients.read_on(connection)
    assert clients.held_bytes == 3 * len(HEAD + b"12345")
    clients.drop(met[0][1])
    clients.part(met[1][1], b"bye")
    assert clients.held_bytes == len(HEAD + b"12345")


def test_above_the_number_that_may_come_nobody_is_accepted_until_one_leaves(clients, meet, listener):
    clients.accept(yes=True)
    assert listener.fileno() in clients.poller.get_map()
    _, first = meet()
    meet()
    meet()
    clients.accept(yes=True)
    assert listener.fileno() not in clients.poller.get_map()
    clients.drop(first)
    clients.accept(yes=True)
    assert clients.poller.get_map()[listener.fileno()].events == selectors.EVENT_READ


def test_when_the_worker_stops_the_idle_are_given_a_second_and_those_at_work_as_long_as_it_takes(clients, meet):
    idle, busy = meet()[1], meet()[1]
    clients.pause(busy)
    clients.worker.alive = False
    clients.look(monotonic())
    assert idle.deadline < monotonic() + 2
    clients.look(monotonic() + 3)
    assert len(clients) == 1
    assert busy.doing is Doing.WAITING


def test_a_client_left_to_another_worker_is_looked_for_again_at_once(clients, listener, monkeypatch):
    Seat(clients.worker.seats, 1).sit(0)  # another worker, which has fewer and does not come
    clients.worker.seat.sit(1)
    with socket.create_connection(listener.getsockname(), timeout=5):
        clients.accept(yes=True)
        clients.take_in(listener)
        assert len(clients) == 0
        clients.accept(yes=True)  # while it is left to the other, nothing wakes this one
        until = monotonic() + 1
        monkeypatch.setattr("server.clients.monotonic", lambda: until)
        assert clients.patience(9.0) <= DEFER_SECONDS
        clients.accept(yes=True)
        assert clients.patience(9.0) == 9.0
        clients.take_in(listener)
        assert len(clients) == 1
