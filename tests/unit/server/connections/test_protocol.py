"""Each client has its time; how it is left depends on what it was about. Over a real socket, with the clock moved."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from server.connections.bounds import LINGER_SECONDS, REQUEST_SECONDS, RESPONSE_SECONDS
from server.connections.clients import KEEP_ALIVE_SECONDS, Clients
from server.connections.protocol import BoundedProtocol

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE_BYTES = 5_000_000


async def app(scope, receive, send):
    """Responds with five megabytes, piece by piece."""
    length = str(RESPONSE_BYTES).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for _ in range(50):
        await send({"type": "http.response.body", "body": b"x" * (RESPONSE_BYTES // 50), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def meet():
    """Runs what a client does with the connection that it has here."""

    def run(talk):
        async def main():
            config = Config(app, lifespan="off", http=BoundedProtocol, log_config=None)
            clients = Clients(10, 10, lambda _status: None)
            here, there = socket.socketpair()
            made = lambda: BoundedProtocol(config, ServerState(), {}, clients)  # noqa: E731
            _, protocol = await asyncio.get_running_loop().connect_accepted_socket(made, here)
            there.setblocking(False)  # noqa: FBT003
            with there:
                await talk(protocol, there)
            await asyncio.sleep(0.05)
            return clients

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())

    return run


async def taken(client):
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100_000), 5)


async def said(client, text):
    await asyncio.get_running_loop().sock_sendall(client, text)
    await asyncio.sleep(0.05)


def test_one_that_says_nothing_is_closed_without_a_word(meet):
    async def talk(protocol, client):
        protocol.check(time.monotonic() + KEEP_ALIVE_SECONDS - 1)
        await asyncio.sleep(0.05)
        assert not protocol.transport.is_closing()
        protocol.check(time.monotonic() + KEEP_ALIVE_SECONDS + 1)
        assert await taken(client) == b""

    assert len(meet(talk)) == 0


@pytest.mark.parametrize("part", [ASK[:10], b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12"])
def test_one_that_is_too_slow_with_its_request_is_told_so_and_then_left(meet, part):
    async def talk(protocol, client):
        protocol.app = wait_for_the_body
        await said(client, part)
        protocol.check(time.monotonic() + REQUEST_SECONDS - 1)
        await asyncio.sleep(0.05)
        assert not protocol.transport.is_closing()
        protocol.check(time.monotonic() + REQUEST_SECONDS + 1)
        assert (await taken(client)).startswith(b"HTTP/1.1 408 ")
        assert await taken(client) == b""
        await said(client, b"still sending")
        protocol.check(time.monotonic() + LINGER_SECONDS + 1)

    assert len(meet(talk)) == 0


async def wait_for_the_body(scope, receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.parametrize("requests", [1, 2])
def test_one_that_does_not_take_its_response_is_given_up_without_a_trace(meet, requests, caplog):
    async def talk(protocol, client):
        await said(client, ASK * requests)
        protocol.check(time.monotonic() + RESPONSE_SECONDS - 1)
        await asyncio.sleep(0.05)
        assert not protocol.transport.is_closing()
        protocol.check(time.monotonic() + RESPONSE_SECONDS + 1)
        assert protocol.transport.is_closing()

    assert len(meet(talk)) == 0
    assert not caplog.records


async def respond_shortly(scope, receive, send):
    closes = [(b"connection", b"close")] if scope["path"] == "/last" else []
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"300"), *closes]})
    await send({"type": "http.response.body", "body": b"x" * 300})


def test_one_that_never_reads_many_short_responses_is_given_up(meet):
    async def talk(protocol, client):
        protocol.app = respond_shortly
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await said(client, ASK * 200)
        protocol.check(time.monotonic() + RESPONSE_SECONDS - 1)
        await asyncio.sleep(0.05)
        assert not protocol.transport.is_closing()
        protocol.check(time.monotonic() + RESPONSE_SECONDS + 1)
        assert protocol.transport.is_closing()

    clients = meet(talk)
    assert (len(clients), clients.held_bytes) == (0, 0)


def test_one_that_does_not_read_the_last_response_is_given_up_whatever_it_sent_behind(meet):
    async def talk(protocol, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        protocol.app = respond_shortly
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while not protocol.transport.get_write_buffer_size():
                    await said(client, ASK * 20)
        await said(client, ASK.replace(b"/", b"/last", 1) + ASK)
        protocol.check(time.monotonic() + RESPONSE_SECONDS + KEEP_ALIVE_SECONDS)

    assert len(meet(talk)) == 0


def test_trailers_are_no_headers(meet):
    heads = []

    async def note(scope, receive, send):
        heads.append(dict(scope["headers"]))
        await respond_shortly(scope, receive, send)

    async def talk(protocol, client):
        protocol.app = note
        await said(client, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-API-Key: k\r\n\r\n")

    meet(talk)
    assert heads == [{b"transfer-encoding": b"chunked"}]


def test_one_that_takes_its_response_may_stay(meet):
    async def talk(protocol, client):
        await said(client, ASK)
        received = 0
        while received < RESPONSE_BYTES:
            received += len(await taken(client))
        protocol.check(time.monotonic() + KEEP_ALIVE_SECONDS - 1)
        assert not protocol.transport.is_closing()

    meet(talk)


def test_when_the_worker_stops_an_idle_one_is_given_a_second(meet):
    async def talk(protocol, client):
        protocol.shutdown()
        protocol.check(time.monotonic())
        assert not protocol.transport.is_closing()
        protocol.check(time.monotonic() + 2)
        assert await taken(client) == b""

    assert len(meet(talk)) == 0
