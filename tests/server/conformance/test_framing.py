"""Where a request ends (RFC 9112, sections 6 and 7): what is ambiguous is rejected, and it closes."""

from __future__ import annotations

import pytest

from tests.server.wire import JSON, head, post

NOT_FRAMED = {400, 411, 501}


def framed(body: bytes, *headers: str) -> bytes:
    """A POST that says nothing of its body's length but what these headers say."""
    return head("POST", "/predict", f"Content-Type: {JSON}", *headers) + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize("order", [1, -1])
def test_a_length_beside_chunks_is_rejected(server, row, order):
    headers = [f"Content-Length: {len(row)}", "Transfer-Encoding: chunked"][::order]
    server.rejected(framed(chunked(row), *headers), by={400}, closes=True)


def test_a_request_hidden_behind_a_length_beside_chunks_is_never_run(server, row):
    hidden = post(row)
    body = b"0\r\n\r\n" + hidden
    for length in (5, len(body)):
        headers = (f"Content-Length: {length}", "Transfer-Encoding: chunked")
        server.rejected(framed(body, *headers), by={400}, closes=True)


def test_a_length_that_is_given_twice_is_rejected_unless_it_is_the_same(server, row):
    length = f"Content-Length: {len(row)}"
    server.rejected(framed(row, length, "Content-Length: 3"), by={400}, closes=True)
    server.rejected(framed(row, "Content-Length: 3", length), by={400}, closes=True)
    server.rejected(framed(row, f"{length}, 3"), by={400}, closes=True)
    for same in ((length, length), (f"{length}, {len(row)}",)):  # may be taken for one (RFC 9110, 8.6)
        assert server.outcome(framed(row, *same)).statuses[0] in {200, 400}


@pytest.mark.parametrize(
    "length",
    ["+{}", "-1", "-0", "0x{:x}", "5 5", "", " ", "{}.0", "{}e0", "{};", "1_0", "\N{FULLWIDTH DIGIT SEVEN}", "9" * 30],
)
def test_a_length_that_is_no_plain_number_is_rejected(server, row, length):
    said = length.format(len(row))
    by = {400, 413} if said == "9" * 30 else {400}
    server.rejected(framed(row, f"Content-Length: {said}"), by=by, closes=True)


def test_a_length_may_have_spaces_around_it_and_zeros_before_it(server, row):
    server.served(framed(row, f"Content-Length:   {len(row)}\t "))
    server.served(framed(row, f"Content-Length: 000{len(row)}"))


def test_a_length_larger_than_what_is_read_is_413_before_it_is_sent(server, row):
    server.rejected(framed(row, "Content-Length: 6000000"), by={413}, closes=True)


def test_a_body_without_any_framing_is_none(server, row):
    found = server.outcome(framed(b"", "Content-Length: 0"))
    assert found.statuses == [400]
    assert server.outcome(framed(b"")).statuses[0] in {400, 411}


@pytest.mark.parametrize(
    "coding",
    [
        "gzip, chunked",
        "gzip",
        "chunked, gzip",
        "identity",
        "chunked, chunked",
        "xchunked",
        "chunkedx",
        '"chunked"',
        "\x0bchunked",
        "chunked;q=1",
        "chunked, identity",
        "",
    ],
)
def test_another_transfer_coding_than_chunked_is_rejected(server, row, coding):
    server.rejected(framed(chunked(row), f"Transfer-Encoding: {coding}"), by=NOT_FRAMED)


def test_a_transfer_coding_that_is_given_twice_is_rejected(server, row):
    headers = ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")
    server.rejected(framed(chunked(row), *headers), by=NOT_FRAMED)
    headers = ("Transfer-Encoding: gzip", "Transfer-Encoding: chunked")
    server.rejected(framed(chunked(row), *headers), by=NOT_FRAMED)


def test_chunks_are_read_with_extensions_trailers_and_any_case(server, row):
    server.served(framed(chunked(row[:7], row[7:]), "Transfer-Encoding: Chunked"))
    extended = b"%X;name=value\r\n%s\r\n0;last\r\n\r\n" % (len(row), row)
    server.served(framed(extended, "Transfer-Encoding: chunked"))
    trailed = chunked(row)[:-2] + b"X-Sum: 1\r\n\r\n"
    server.served(framed(trailed, "Transfer-Encoding: chunked"))


@pytest.mark.parametrize(
    "body",
    [
        b"0x%x\r\n%s\r\n0\r\n\r\n",
        b"-%x\r\n%s\r\n0\r\n\r\n",
        b"+%x\r\n%s\r\n0\r\n\r\n",
        b"%x\n%s\n0\n\n",
        b"%x\r%s\r0\r\r",
        b"%x;a\nb\r\n%s\r\n0\r\n\r\n",
        b"ffffffffffffffff%x\r\n%s\r\n0\r\n\r\n",
        b"zz%x\r\n%s\r\n0\r\n\r\n",
        b"\r\n%x\r\n%s\r\n0\r\n\r\n",
        b"%x\r\n%s0\r\n\r\n",
        b"%x\r\n%sx\r\n0\r\n\r\n",
        b"%x\r\n%s\r\n0\r\nContent-Length: 5\r\n\r\n",
        b"%x\r\n%s\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"%x\r\n%s\r\n0\r\nno trailer\r\n\r\n",
    ],
)
def test_chunks_that_are_framed_wrongly_are_rejected(server, row, body):
    server.rejected(framed(body % (len(row), row), "Transfer-Encoding: chunked"), by={400}, closes=True)


def test_a_chunk_as_large_as_no_body_may_be_is_never_waited_for_in_vain(server, row):
    found = server.outcome(framed(b"f" * 15 + b"\r\n" + row, "Transfer-Encoding: chunked"), half_close=True)
    assert set(found.statuses) <= {400, 413}


@pytest.mark.parametrize("headers", [("Content-Length: 5000",), ("Transfer-Encoding: chunked",)])
def test_a_body_that_breaks_off_is_no_request(server, row, headers):
    body = row if "Length" in headers[0] else chunked(row)[:-5]
    found = server.outcome(framed(body, *headers), half_close=True)
    assert set(found.statuses) <= {400}


def test_chunks_from_an_http_1_0_client_are_never_kept_open(server, row):
    request = framed(chunked(row), "Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    found = server.outcome(request)  # faulty framing: served and closed, or rejected (RFC 9112, 6.1)
    assert found.statuses[0] in {200, 400, 501}
    assert not found.is_open


def test_a_request_in_the_body_of_a_rejected_one_is_never_run(server, row):
    hidden = post(row)
    for rejected in (
        post(hidden, path="/nothing"),
        post(hidden, media="text/plain"),
        post(hidden, "Content-Encoding: gzip"),
        head("PUT", "/predict", f"Content-Length: {len(hidden)}") + hidden,
        head("GET", "/nothing", f"Content-Length: {len(hidden)}") + hidden,
        head("GET", "/nothing", "Transfer-Encoding: chunked") + chunked(hidden),
    ):
        server.rejected(rejected, by={400, 404, 405, 415})


def test_a_body_where_none_belongs_is_read_over(server, row):
    hidden = post(row)
    assert server.outcome(head("GET", "/health/live", f"Content-Length: {len(hidden)}") + hidden).statuses[0] in {
        200,
        400,
    }
