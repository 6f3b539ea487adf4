"""However a request arrives, piece by piece, it is the same request, and whole at the same byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from hypothesis import given, settings
from hypothesis import strategies as st

from server.heads import Heads
from server.incoming import Incoming

LIMIT_BYTES = 1_000
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"


def incoming():
    return Incoming(Heads(Config()), ("127.0.0.1", 5), LIMIT_BYTES)


def fed(pieces):
    """How many bytes it took, the body, and what is left for the next request."""
    client, count = incoming(), 0
    for piece in pieces:
        client.feed(piece)
        count += len(piece)
        if client.is_whole():
            body = client.body().read(LIMIT_BYTES + 1)
            client.forget()
            return count, body, len(client)
    return None


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"


REQUESTS = {
    "length": (HEAD + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "no body": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "chunks": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"hel", b"l", b"o\r\n0\r\n\r\n"),
        b"hello\r\n0\r\n\r\n",
    ),
    "no chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(), b""),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n", b"hi"),
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(REQUESTS.values())), st.lists(st.integers(1, 120), max_size=12))
def test_a_request_in_any_pieces_is_whole_with_its_last_byte(request_, cuts):
    text, body = request_
    edges = [0, *sorted({cut for cut in cuts if cut < len(text)}), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    assert fed(pieces) == (len(text), body, 0)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_whole_or_not_or_refused_by_the_parser(data):
    for prefix in (b"", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", HEAD + b"Content-Length: 7\r\n\r\n"):
        client = incoming()
        try:
            for piece in (prefix, data, b""):
                client.feed(piece)
                whole = client.is_whole()
            if whole:
                client.body().read(LIMIT_BYTES + 1)
        except (ParseException, OSError):
            continue


def test_what_comes_behind_a_request_is_the_next_one():
    client = incoming()
    client.feed(REQUESTS["length"][0] + REQUESTS["no body"][0] + b"GET")
    assert client.is_whole()
    assert client.body().read() == b"hello"
    client.forget()
    assert client.is_whole()
    assert client.request.method == "GET"
    client.forget()
    assert not client.is_whole()
    assert len(client) == 3


@pytest.mark.parametrize("framing", ["length", "chunks", "one-byte chunks", "endless size"])
def test_more_than_the_limit_is_whole_before_it_is_all_there(framing):
    client, sent = incoming(), 0
    head = {"length": b"Content-Length: 1001\r\n\r\n"}.get(framing, b"Transfer-Encoding: chunked\r\n\r\n")
    piece = {"length": b" " * 10, "chunks": b"a\r\n0123456789\r\n", "one-byte chunks": b"1\r\nx\r\n"}.get(
        framing, b"0" * 99
    )
    client.feed(HEAD + head)
    while not client.is_whole():
        client.feed(piece)
        sent += len(piece)
        assert sent < 100_000
    assert client.is_cut or framing == "endless size"


@pytest.mark.parametrize("size", [LIMIT_BYTES - 1, LIMIT_BYTES])
def test_a_body_up_to_the_limit_is_not_cut(size):
    for text in (
        HEAD + b"Content-Length: %d\r\n\r\n" % size + b" " * size,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*[b" "] * size),
    ):
        client = incoming()
        client.feed(text)
        assert client.is_whole()
        assert not client.is_cut
        assert len(client.body().read(LIMIT_BYTES + 1)) == size


@pytest.mark.parametrize("size", [b"-5", b"+5", b"0x5", b"5_0", b"", b" 5", b"zz"])
def test_what_is_no_size_ends_the_body_and_is_an_error_to_its_reader(size):
    client = incoming()
    client.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n")
    assert client.is_whole()
    with pytest.raises(OSError):  # noqa: PT011 - that it is one is the point
        client.body().read(LIMIT_BYTES + 1)


def test_what_is_missing_of_a_body_is_known_with_the_head():
    client = incoming()
    client.feed(HEAD)
    assert not client.is_whole()
    assert client.missing_bytes == 0
    client.feed(b"Content-Length: 5\r\n\r\nhe")
    assert not client.is_whole()
    assert client.missing_bytes == 3
    client.feed(b"llo")
    assert client.is_whole()
    assert client.missing_bytes == 0
