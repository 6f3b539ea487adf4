"""The generator of requests at a fixed rate, against real servers that behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.harness.paced import at_rate, requests_of, run

RATE, SECONDS, CONNECTIONS = 200, 0.5, 8
REQUESTS = int(RATE * SECONDS)


@contextlib.contextmanager
def server(version="HTTP/1.1", status=200, transfer="Content-Length", silent_after=None, hold=None):
    seen = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = version

        def do_POST(self):
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            if hold is not None:
                hold.wait()
            if silent_after is not None and len(seen) > silent_after:
                self.close_connection = True
                return
            self.send_response(status)
            if transfer == "chunked":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"2\r\n{}\r\n0\r\n\r\n")
            else:
                self.send_header("Content-Length", "2")
                self.send_header("Connection", "close" if version == "HTTP/1.0" else "keep-alive")
                self.end_headers()
                self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    ThreadingHTTPServer.request_queue_size = 128
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield http.server_port, seen
        finally:
            http.shutdown()
            thread.join()


def load(port, tmp_path, drain_seconds=5.0):
    bodies = tmp_path / "bodies.ndjson"
    bodies.write_text('{"a": 1}\n{"a": "é"}\n{"a": 3}\n')
    return asyncio.run(run(port, requests_of(port, "/predict", bodies), RATE, SECONDS, CONNECTIONS, drain_seconds))


@pytest.mark.parametrize(
    "kind", [{}, {"version": "HTTP/1.0"}, {"transfer": "chunked"}], ids=["kept", "closed", "chunked"]
)
def test_every_request_is_sent_once_and_served(kind, tmp_path):
    with server(**kind) as (port, seen):
        tally = load(port, tmp_path)
    assert (len(seen), len(tally.latencies), tally.errors) == (REQUESTS, REQUESTS, 0)
    assert set(seen) == {b'{"a": 1}', '{"a": "é"}'.encode(), b'{"a": 3}'}


def test_a_status_other_than_200_is_an_error(tmp_path):
    with server(status=503) as (port, _):
        assert load(port, tmp_path).errors == REQUESTS


def test_a_server_that_is_not_there_is_an_error_each(tmp_path):
    with server() as (port, _):
        pass
    assert load(port, tmp_path).errors == REQUESTS


def test_a_connection_that_breaks_off_is_an_error(tmp_path):
    with server(silent_after=REQUESTS - 10) as (port, _):
        tally = load(port, tmp_path)
    # What breaks on a connection that was used before is asked once more, elsewhere: it may have been closed for being
    # idle. What breaks again is an error.
    assert (tally.errors, len(tally.latencies)) == (10, REQUESTS)


def test_what_never_gets_a_response_is_an_error_that_took_all_the_time(tmp_path):
    hold = threading.Event()
    with server(hold=hold) as (port, _):
        tally = load(port, tmp_path, drain_seconds=0.1)
        hold.set()
    assert (tally.errors, len(tally.latencies)) == (REQUESTS, REQUESTS)
    assert max(tally.latencies) >= SECONDS


def test_the_generator_in_a_process_of_its_own_has_the_same_figures(tmp_path):
    bodies = tmp_path / "bodies.ndjson"
    bodies.write_text('{"a": 1}\n')
    with server() as (port, seen):
        figures = at_rate(port, "/predict", bodies, RATE, SECONDS)
    assert (figures["requests"], figures["errors"], len(seen)) == (REQUESTS, 0, REQUESTS)
    assert figures["requests_per_second"] == RATE
