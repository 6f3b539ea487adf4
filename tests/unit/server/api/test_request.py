"""What a request's head decides, what is read of its body, and the response: by ASGI's own messages."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from server.api.access.rules import Access
from server.api.request import PIECE_BYTES, ClientDisconnected, HeldBytes, Request
from server.connections.errors import HttpError
from tabular.settings import Settings

HEAD = ((b"host", b"localhost:9696"), (b"content-type", b"application/json"))


class Client:
    """Sends these pieces of a body, and takes the response."""

    def __init__(self, *pieces, held_bytes=None, headers=HEAD, method="POST", **scope):
        self.left = deque(pieces)
        self.taken = []
        scope = {"method": method, "path": "/predict", "http_version": "1.1", "headers": list(headers), **scope}
        self.request = Request(scope, self.receive, self.send, held_bytes or HeldBytes())

    async def receive(self):
        if not self.left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self.left.popleft(), "more_body": bool(self.left)}

    async def send(self, message):
        self.taken.append(message)


def body_of(client, max_bytes=100):
    return asyncio.run(client.request.body(max_bytes))


def status_of(function, *arguments):
    with pytest.raises(HttpError) as caught:
        function(*arguments)
    return caught.value.status


def test_a_body_is_read_whole_in_however_many_pieces():
    assert body_of(Client(b"abc")) == b"abc"
    assert body_of(Client(b"a", b"", b"bc")) == b"abc"


def test_a_body_over_the_limit_is_rejected_and_by_its_length_before_it_is_read():
    client = Client(b"abc", headers=[*HEAD, (b"content-length", b"101")])
    assert status_of(body_of, client) == 413
    assert client.left
    assert status_of(body_of, Client(b"x" * 60, b"x" * 60, b"x")) == 413
    assert status_of(body_of, Client(b"x" * 101)) == 413


def test_one_that_goes_in_the_middle_of_its_body_gets_no_response():
    client = Client(b"a", b"b")
    client.left[1] = b"b"
    asyncio.run(client.receive())
    client.left.clear()
    with pytest.raises(ClientDisconnected):
        body_of(client)


def test_what_is_held_is_bounded_for_all_and_given_back():
    held = HeldBytes(100)
    client = Client(b"x" * 60, b"x" * 30, b"", held_bytes=held)
    body_of(client)
    assert held.bytes == 90
    assert status_of(body_of, Client(b"x" * 20, b"y", held_bytes=held)) == 503
    client.request.hold(0)
    assert held.bytes == 0


def test_a_long_response_is_sent_in_pieces():
    client = Client(b"")
    body_of(client)
    response = bytes(range(256)) * 600
    asyncio.run(client.request.respond(200, [], response))
    pieces = [message["body"] for message in client.taken[1:]]
    assert b"".join(pieces) == response
    assert max(map(len, pieces)) == PIECE_BYTES
    assert [message.get("more_body", False) for message in client.taken[1:]] == [True] * (len(pieces) - 1) + [False]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES])
def test_a_response_of_any_size_arrives_whole(size):
    client = Client(b"")
    body_of(client)
    asyncio.run(client.request.respond(200, [], b"x" * size))
    assert b"".join(message["body"] for message in client.taken[1:]) == b"x" * size


def test_an_early_response_is_sent_before_the_rest_of_the_body_is_read_and_that_is_thrown_away():
    client = Client(b"a", b"b", b"c", headers=[*HEAD, (b"content-length", b"3")])
    asyncio.run(client.request.respond(401, [], b"no"))
    assert client.taken[1] == {"type": "http.response.body", "body": b"no", "more_body": True}
    assert client.taken[-1] == {"type": "http.response.body", "body": b""}
    assert not client.left


def test_one_that_waits_to_be_told_to_go_on_gets_a_response_and_is_left():
    client = Client(b"a", headers=[*HEAD, (b"content-length", b"3"), (b"expect", b"100-continue")])
    asyncio.run(client.request.respond(413, [], b"no"))
    assert (b"connection", b"close") in client.taken[0]["headers"]
    assert client.left


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"evil.example"), HEAD[1]], 421),
        ([(b"host", b""), HEAD[1]], 421),
        ([HEAD[1]], 400),
        ([*HEAD, HEAD[0]], 400),
        ([*HEAD, HEAD[1]], 400),
        ([*HEAD, (b"transfer-encoding", b"gzip, chunked")], 501),
        ([*HEAD, (b"transfer-encoding", b"identity")], 501),
    ],
)
def test_what_a_head_must_not_be(headers, status):
    assert status_of(Access(Settings(), ["/predict"]).check, Client(headers=headers).request) == status


def test_headers_that_may_come_twice_may():
    accept = (b"accept", b"*/*")
    Access(Settings(), ["/predict"]).check(Client(headers=[*HEAD, accept, accept]).request)


def test_an_old_client_without_a_host_is_served():
    Access(Settings(), ["/predict"]).check(Client(headers=HEAD[1:], http_version="1.0").request)


@pytest.mark.parametrize(
    ("name", "value", "is_allowed"),
    [
        (b"x-api-key", b"s3cret", True),
        (b"authorization", b"Bearer s3cret", True),
        (b"authorization", b"bearer  s3cret", True),
        (b"authorization", b"xxBearer s3cret", False),
        (b"authorization", b"Bearer", False),
        (b"authorization", b"s3cret", False),
        (b"authorization", b"Basic s3cret", False),
        (b"authorization", b"Bearer s3cret x", False),
        (b"authorization", "Bearer s3crét".encode(), False),
        (b"x-api-key", b"", False),
        (b"x-api-key", b"\xff", False),
    ],
)
def test_the_key_is_asked_for_before_the_body_is_read(name, value, is_allowed):
    access = Access(Settings(api_key="s3cret"), ["/predict"])
    client = Client(b"{}", headers=[*HEAD, (name, value)])
    if is_allowed:
        access.check_body(client.request, "application/json")
    else:
        assert status_of(access.check_body, client.request, "application/json") == 401
    assert client.left
