"""What a head may hold (RFC 9112, sections 2 to 5; RFC 9110, section 5): anything else is rejected, and it closes."""

from __future__ import annotations

import pytest

from tests.server.wire import HOST, head, post

LIVE = "/health/live"


def with_line(line: bytes, row: bytes) -> bytes:
    """A valid request with one more line in its head."""
    return post(row, "X-Mark: 1").replace(b"X-Mark: 1", line)


BAD_LINES = {
    "continued": b"X-A: b\r\n c",
    "continued with a tab": b"X-A: b\r\n\tc",
    "NUL in a value": b"X-A: a\x00b",
    "NUL in a name": b"X\x00A: b",
    "control in a value": b"X-A: a\x01b",
    "escape in a value": b"X-A: a\x1b[2Jb",
    "DEL in a value": b"X-A: a\x7fb",
    "control in a name": b"X\x01A: b",
    "space before the colon": b"X-A : b",
    "tab before the colon": b"X-A\t: b",
    "no name": b": b",
    "no colon": b"X-A",
    "parenthesis in a name": b"X(A): b",
    "UTF-8 in a name": b"X\xc3\xa9: b",
    "space in a name": b"X A: b",
    "bare LF": b"X-A: b\nX-B: c",
    "bare CR": b"X-A: b\rX-B: c",
    "bare CR before the end": b"X-A: b\r",
    "length after a bare LF": b"X-A: b\nContent-Length: 3",
    "coding after a bare CR": b"X-A: b\rTransfer-Encoding: chunked",
    "coding with a space": b"Transfer-Encoding : chunked",
    "length with a space": b"Content-Length : 3",
    "continued coding": b"Transfer-Encoding:\r\n chunked",
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_line_that_is_no_header_is_rejected(server, row, name):
    server.rejected(with_line(BAD_LINES[name], row), by={400}, closes=True)


@pytest.mark.parametrize(
    "line", [b"X-A: a\tb", b"X-A:b", b"X-A:  b  ", b"X-A:", b"X-A: \xc3\xa9", b"!#$%&'*+-.^_`|~: a"]
)
def test_a_line_that_is_a_header_is_read(server, row, line):
    server.served(with_line(line, row))


def test_lines_that_end_otherwise_than_in_cr_lf_are_rejected(server, row):
    whole = head("GET", LIVE)
    for odd in (
        whole.replace(b"\r\n", b"\n"),
        whole.replace(b"\r\n", b"\n", 1),
        whole.replace(b"\r\n", b"\r"),
        whole.replace(b"\r\n", b"\r", 1),
        whole[:-2] + b"\n",
        whole.replace(b"\r\n", b"\r\r\n", 1),
    ):
        found = server.outcome(odd, half_close=True)
        assert set(found.statuses) <= {400}  # or it is closed without a word


def test_a_continued_first_header_is_rejected(server):
    server.rejected(head("GET", LIVE).replace(b"\r\nHost", b"\r\n Host"), by={400}, closes=True)


def test_host_is_there_once_and_names_this_server(server):
    line = f"GET {LIVE} HTTP/1.1\r\n".encode()
    server.rejected(line + b"\r\n", by={400})
    server.rejected(line + b"X-A: b\r\n\r\n", by={400})
    server.rejected(line + b"Host: localhost\r\nHost: localhost\r\n\r\n", by={400})
    server.rejected(line + b"Host: localhost\r\nHost: evil.example\r\n\r\n", by={400})
    for host in (
        b"",
        b"evil.example",
        b"localhost.evil.example",
        b"localhost, evil.example",
        b"localhost@evil.example",
        b"evil.example#localhost",
        b"localhost evil.example",
        b"localhost:80:80",
        b"localhost:x",
        b"\xc3\xa9",
    ):
        server.rejected(line + b"Host: " + host + b"\r\n\r\n", by={400, 421})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:9696", "127.0.0.1", "127.0.0.1:1", "[::1]:80"])
def test_host_may_be_any_of_this_servers_names(server, host):
    server.served(f"GET {LIVE} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())


def test_http_1_0_needs_no_host_and_is_closed(server):
    found = server.outcome(f"GET {LIVE} HTTP/1.0\r\n\r\n".encode())
    assert found.statuses[0] in {200, 400}
    assert not found.is_open


@pytest.mark.parametrize(
    "line",
    [
        b"GET /health/live HTTP/9.9",
        b"GET /health/live HTTP/2.0",
        b"GET /health/live HTTP/1.10",
        b"GET /health/live HTTP/0.9",
        b"GET /health/live HTTP/1",
        b"GET /health/live http/1.1",
        b"GET /health/live HTTPS/1.1",
        b"GET /health/live HTTP/1.1 ",
        b"GET /health/live HTTP/1.1 HTTP/1.1",
        b"GET\t/health/live\tHTTP/1.1",
        b"GET /health/live",
        b"GET",
        b" GET /health/live HTTP/1.1",
        b"hello",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
)
def test_what_is_not_http_1_is_rejected(server, line):
    found = server.outcome(line + b"\r\n" + HOST.encode() + b"\r\n\r\n", half_close=True)
    assert len(found.responses) <= 1
    assert set(found.statuses) <= {400, 501, 505}  # or it is closed without a word


def test_a_later_minor_version_is_served_as_1_1_or_rejected(server):
    assert server.outcome(head("GET", LIVE).replace(b"HTTP/1.1", b"HTTP/1.2")).statuses[0] in {200, 400, 505}


def test_a_request_of_http_0_9_is_not_served_as_one(server):
    found = server.outcome(b"GET /health/live\r\n\r\n", half_close=True)
    assert set(found.statuses) <= {400, 505}


def test_empty_lines_before_a_request_are_read_over_or_rejected(server):
    assert server.outcome(b"\r\n\r\n" + head("GET", LIVE)).statuses[0] in {200, 400}


@pytest.mark.parametrize(
    "headers",
    [[f"X-Long: {'x' * 100_000}"], [f"X-{number}: {'x' * 200}" for number in range(1_000)]],
    ids=["a long one", "many"],
)
def test_a_head_that_is_too_long_is_rejected(server, headers):
    server.rejected(head("GET", LIVE, *headers), by={400, 431}, closes=True)


def test_a_head_without_an_end_is_rejected_before_it_ends(server):
    server.rejected(head("GET", LIVE)[:-2] + b"X-A: b\r\n" * 20_000, by={400, 431}, closes=True)


@pytest.mark.parametrize("expected", ["200-ok", "", "100-continue, x"])
def test_another_expectation_is_417_or_not_heard(server, row, expected):
    assert server.outcome(post(row, f"Expect: {expected}")).statuses[0] in {200, 417}


def test_a_client_that_waits_for_the_go_ahead_gets_it_once(server, row):
    whole = post(row, "Expect: 100-continue")
    found = server.outcome(whole[: -len(row)], whole[-len(row) :])
    assert found.statuses == [200]
    assert found.interim in ([], [100])  # the body was there as soon as the head


def test_an_http_1_0_client_gets_no_go_ahead(server, row):
    found = server.outcome(post(row, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    assert (found.statuses, found.interim) == ([200], [])


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0", "x"])
def test_no_other_protocol_is_changed_to(server, row, method, protocol):
    headers = [
        "Connection: Upgrade, HTTP2-Settings",
        f"Upgrade: {protocol}",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
    ]
    request = head("GET", LIVE, *headers) if method == "GET" else post(row, *headers)
    found = server.outcome(request)
    assert found.interim == []
    assert found.statuses[0] in {200, 400, 426, 501}
