"""A head that was read before is the same head, and nothing else is."""

from __future__ import annotations

import pytest
from gunicorn.config import Config

from server.heads import REMEMBERED, Heads

PLAIN = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


def read(heads, head, host="127.0.0.1", body=b"hello"):
    return heads.read(bytearray(head + body), len(head), (host, 5), 1)


@pytest.fixture
def heads():
    return Heads(Config())


def test_the_same_head_is_read_once_whatever_the_body(heads):
    first = read(heads, PLAIN)
    assert read(heads, PLAIN, body=b"other") is first
    assert dict(first.headers)["CONTENT-LENGTH"] == "5"


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace(b": 5", b": 4"),
        PLAIN.replace(b"/predict", b"/metrics"),
        PLAIN.replace(b"Host: x", b"Host: x\r\nX-API-Key: a"),
        PLAIN.replace(b"Host", b"host"),
    ],
)
def test_another_head_is_another_request(heads, other):
    first, second, fresh = read(heads, PLAIN), read(heads, other), read(Heads(Config()), other)
    assert second is not first
    assert (second.uri, second.headers) == (fresh.uri, fresh.headers)


def test_another_host_is_judged_for_itself(heads):
    """gunicorn believes X-Forwarded-Proto of the hosts that it was told to trust, and of no other."""
    head = PLAIN.replace(b"Host: x", b"Host: x\r\nX-Forwarded-Proto: https")
    assert [read(heads, head, host).scheme for host in ("127.0.0.1", "192.0.2.1", "127.0.0.1")] == [
        "https",
        "http",
        "https",
    ]


@pytest.mark.parametrize("field", [b"Expect: 100-continue\r\nContent-Length: 5", b"Transfer-Encoding: chunked"])
def test_what_changes_while_it_is_answered_is_read_anew(heads, field):
    head = PLAIN.replace(b"Content-Length: 5", field)
    assert read(heads, head) is not read(heads, head)


def test_only_so_many_are_remembered(heads):
    first = read(heads, PLAIN)
    for number in range(REMEMBERED):
        read(heads, PLAIN.replace(b"Host: x", b"Host: x%d" % number))
    assert read(heads, PLAIN) is not first


def test_a_head_of_many_kilobytes_is_not_remembered(heads):
    head = PLAIN.replace(b"Host: x", b"Host: x\r\nX-Long: " + b"y" * 4_000)
    assert read(heads, head) is not read(heads, head)
