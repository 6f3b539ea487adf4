"""Requests one behind the other, clients that hang up in every phase, and bytes that come one by one."""

from __future__ import annotations

import json
import socket
import struct

import pytest

from tests.server.conformance.exchange import exchange
from tests.server.wire import BATCH, SINGLE, connected, head, post, send

RESET = struct.pack("ii", 1, 0)
PAGE = head("GET", "/health/live")


def test_requests_sent_in_one_go_are_served_in_their_order(server, contract, row):
    ages = [contract.example | {"customer_age": age} for age in (30, 7, 40)]
    rows = [post(json.dumps(one).encode(), f"Idempotency-Key: order-{at}") for at, one in enumerate(ages)]
    batch = post(b"[" + b",".join([row] * 300) + b"]", path=BATCH)
    requests = [rows[0], batch, PAGE, rows[1], rows[2], head("GET", "/nothing")]
    before = server.predictions()
    found = exchange(server.api.port, b"".join(requests), count=len(requests))
    assert found.statuses == [200, 200, 200, 422, 200, 404]
    assert server.predictions() - before == 302
    told = [json.loads(each.body) for each in found.responses]
    assert told[1]["served"] == 300
    assert told[2] == {"status": "live"}
    alone = [json.loads(server.outcome(rows[at]).responses[0].body) for at in (0, 2)]
    assert [told[at]["prediction_id"] for at in (0, 4)] == [one["prediction_id"] for one in alone]


def test_what_stands_before_a_request_that_is_none_is_served_and_what_stands_behind_is_not_run(server, row):
    good = post(row)
    for bad in (b"BAD\r\n\r\n", good.replace(b"Content-Length: ", b"Content-Length: +", 1)):
        found = server.outcome(good + bad + good, count=3)
        assert found.statuses == [200, 400], found
        assert not found.is_open


def test_what_stands_behind_a_rejected_request_is_served_in_its_turn_or_not_at_all(server, row):
    rejected = post(row, media="text/plain")
    found = server.outcome(post(row) + rejected + post(row), count=3)
    assert found.statuses in ([200, 415, 200], [200, 415]), found


@pytest.mark.parametrize("path", [SINGLE, BATCH])
def test_a_client_that_stops_sending_is_served_and_closed(server, row, path):
    body = row if path == SINGLE else b"[" + row + b"]"
    found = server.outcome(post(body, path=path), half_close=True)
    assert found.statuses == [200]


def test_all_that_was_sent_before_a_client_stopped_sending_is_served(server, row):
    found = server.outcome(post(row) + PAGE + post(row), half_close=True)
    assert found.statuses == [200, 200, 200]


def test_a_client_that_says_nothing_and_stops_is_closed_without_a_word(server):
    assert server.outcome(half_close=True).responses == []


@pytest.mark.parametrize("part", [1, 20, -1])
def test_a_request_that_breaks_off_is_no_request(server, row, part):
    found = server.outcome(post(row)[:part], half_close=True)
    assert set(found.statuses) <= {400}


def test_a_connection_is_closed_when_the_client_asks_for_it(server, row):
    for close in ("close", "Close", "keep-alive, close"):
        found = server.served(post(row, f"Connection: {close}"))
        assert not found.is_open


def test_a_request_behind_a_close_is_not_run(server, row):
    found = server.outcome(post(row, "Connection: close") + post(row), count=2)
    assert found.statuses == [200]
    assert not found.is_open


def test_requests_that_come_byte_by_byte_are_served(server, row):
    whole = post(row) + PAGE
    found = server.outcome(*(whole[at : at + 1] for at in range(len(whole))), count=2)
    assert found.statuses == [200, 200]


def test_chunks_that_come_byte_by_byte_are_served(server, row):
    text = head("POST", SINGLE, "Content-Type: application/json", "Transfer-Encoding: chunked")
    text += b"5;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (row[:5], len(row) - 5, row[5:])
    server.served(*(text[at : at + 1] for at in range(len(text))))


def test_a_batch_in_two_thousand_pieces_is_served(server, row):
    whole = post(b"[" + b",".join([row] * 100) + b"]", path=BATCH)
    size = -(-len(whole) // 2_000)
    before = server.predictions()
    with connected(server.api.port) as connection:
        for at in range(0, len(whole), size):
            connection.sendall(whole[at : at + size])
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
    assert server.predictions() - before == 100


@pytest.mark.parametrize("phase", ["connected", "head", "body", "asked", "served"])
def test_a_reset_in_any_phase_troubles_nobody(server, row, phase, wait_for):
    whole = post(row)
    sent = {"connected": b"", "head": whole[:30], "body": whole[:-3], "asked": whole, "served": whole}[phase]
    for _ in range(20):
        with connected(server.api.port) as connection:
            send(connection, sent)
            if phase == "served":
                assert connection.recv(10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    wait_for(lambda: _is_quiet(server))
    server.served(post(row))


def _is_quiet(server) -> bool:
    """True once the requests of those who are gone are through: what they counted is counted."""
    before = server.predictions()
    server.served(PAGE)
    return server.predictions() == before
