"""Clients as they are: slow, impatient, old-fashioned; none of them holds up the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

from tests.server.raw_http import JSON, connected, request, responses

CHUNKED_HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1", API_THREADS="1", MAX_BODY_BYTES="1000000") as running:
        yield running


def test_a_hundred_clients_that_stop_in_the_middle_hold_up_nobody(api, contract, good):
    with contextlib.ExitStack() as stack:
        for at in range(100):
            slow = stack.enter_context(connected(api))
            text = request(good) if at % 2 else request(good, "X-Slow: yes")
            slow.sendall(text[: 40 if at % 3 else -5])
        for _ in range(20):
            assert api.predict(contract.example)[0] == 200
        assert api.predict([contract.example] * 100, "/predict/batch")[0] == 200


def test_a_request_that_comes_byte_by_byte_is_served(api, good):
    text = request(good)
    with connected(api) as connection:
        for at in range(len(text)):
            connection.sendall(text[at : at + 1])
        assert responses(connection)[0][0] == 200


def test_a_chunked_body_that_comes_byte_by_byte_is_served(api, good):
    text = CHUNKED_HEAD
    text += b"5;why=not\r\n%s\r\n%x\r\n%s\r\n0\r\nX-Sum: x\r\n\r\n" % (good[:5], len(good) - 5, good[5:])
    with connected(api) as connection:
        for at in range(len(text)):
            connection.sendall(text[at : at + 1])
        assert responses(connection)[0][0] == 200


def test_a_trailer_that_is_forbidden_is_400(api):
    text = CHUNKED_HEAD
    with connected(api) as connection:
        connection.sendall(text + b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n")
        assert responses(connection)[0][0] == 400


def test_requests_sent_in_one_go_are_served_in_order(api, contract):
    rows = [contract.example | {"customer_age": age} for age in (30, 40, 7, 50)]
    bodies = [json.dumps(row).encode() for row in rows]
    with connected(api) as connection:
        connection.sendall(b"".join(request(body, f"Idempotency-Key: {at}") for at, body in enumerate(bodies)))
        statuses, ids = [], []
        for status, _, body in responses(connection, 4):
            statuses.append(status)
            ids.append(json.loads(body).get("prediction_id"))
    assert statuses == [200, 200, 422, 200]
    alone = [api.predict(rows[at], Idempotency_Key=str(at))[1]["prediction_id"] for at in (0, 1, 3)]
    assert [ids[0], ids[1], ids[3]] == alone


def test_many_requests_sent_in_one_go_are_all_served_even_if_the_last_comes_in_two_parts(api, good):
    text = request(good) * 300
    with connected(api) as connection:
        connection.sendall(text[:-20])
        assert {status for status, _, _ in responses(connection, 299)} == {200}
        connection.sendall(text[-20:])
        assert responses(connection)[0][0] == 200


@pytest.mark.parametrize(
    ("behind", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: loc", 400),
        (request(b"{}")[:-1], 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_rejected_behind_whole_requests_is_rejected_after_their_responses(api, good, behind, status):
    with connected(api) as client:
        client.sendall(request(good) * 2 + behind)
        client.shutdown(socket.SHUT_WR)
        assert [found for found, _, _ in responses(client, 3)] == [200, 200, status]
        assert client.recv(10) == b""


def test_a_batch_before_and_after_a_single_row_on_one_connection_keeps_the_order(api, contract, good):
    batch = json.dumps([contract.example] * 200).encode()
    with connected(api) as connection:
        connection.sendall(
            request(batch, path="/predict/batch") + request(good) + request(batch, path="/predict/batch")
        )
        found = [json.loads(body) for _, _, body in responses(connection, 3)]
    assert [each.get("served") for each in found] == [200, None, 200]


@pytest.mark.parametrize(
    ("version", "headers", "connection"),
    [
        ("1.1", [], "keep-alive"),
        ("1.1", ["Connection: close"], "close"),
        ("1.0", [], "close"),
        ("1.0", ["Connection: keep-alive"], "keep-alive"),
    ],
)
def test_a_connection_is_kept_as_the_client_asks(api, good, version, headers, connection):
    with connected(api) as client:
        client.sendall(request(good, *headers, version=version))
        status, served, _ = responses(client)[0]
        assert status == 200
        assert served.get("connection", "keep-alive") == connection
        if connection == "close":
            assert client.recv(10) == b""
        else:
            client.sendall(request(good, version=version))
            assert responses(client)[0][0] == 200


def test_a_client_that_waits_for_the_go_ahead_gets_it(api, good):
    head, _, body = request(good, "Expect: 100-continue").partition(b"\r\n\r\n")
    with connected(api) as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert responses(client)[0][0] == 200


def test_a_client_that_half_closes_after_its_request_is_served(api, good):
    with connected(api) as client:
        client.sendall(request(good))
        client.shutdown(socket.SHUT_WR)
        assert responses(client)[0][0] == 200


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_client_that_sends_far_too_much_still_sees_why(api, framing):
    piece = b" " * 65_536
    head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with connected(api) as client:
        if framing == "length":
            client.sendall(f"{head}Content-Length: {80 * len(piece)}\r\n\r\n".encode())
        else:
            client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(80):
            client.sendall(piece if framing == "length" else b"%x\r\n%s\r\n" % (len(piece), piece))
        status, _, body = responses(client)[0]
        assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "text",
    [
        b"hello\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nbad header\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400_at_once(api, text):
    with connected(api) as client:
        client.sendall(text)
        assert client.recv(1_000).startswith(b"HTTP/1.1 400")


def test_a_head_without_end_is_rejected(api):
    with connected(api) as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12_000)
        assert client.recv(1_000).startswith(b"HTTP/1.1 431")


def test_pages_are_served_while_rows_are_and_in_the_same_connection(api, good):
    with connected(api) as client:
        for _ in range(3):
            client.sendall(request(good))
            assert responses(client)[0][0] == 200
            client.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert json.loads(responses(client)[0][2]) == {"status": "live"}
            client.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1_000).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_take_its_responses_holds_up_nobody(api, contract):
    batch = request(json.dumps([contract.example] * 3_000).encode(), path="/predict/batch")
    with connected(api) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        greedy.sendall(batch)
        for _ in range(20):
            assert api.predict(contract.example)[0] == 200
        assert api.predict([contract.example], "/predict/batch")[0] == 200
        status, _, body = responses(greedy)[0]
        assert status == 200
        assert json.loads(body)["served"] == 3_000


def test_a_connection_can_be_used_again_and_again(api, good):
    client = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
    for _ in range(50):
        client.request("POST", "/predict", good, {"Content-Type": JSON})
        response = client.getresponse()
        assert (response.status, len(response.read()) > 0) == (200, True)
    client.close()


def test_no_request_of_this_module_broke_the_server(api):
    assert api.metric("http_requests_total", status="500") == 0
    assert "Traceback" not in api.log.read_text()
