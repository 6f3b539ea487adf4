"""The foreign page notices what a server permits, and only that."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.foreign_page import HOST, ORIGIN, permissions


@pytest.fixture
def serving():
    servers = []

    def serve(status=200, allowed=None, known="127.0.0.1"):
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if known in (None, self.headers["Host"].split(":")[0]) else 421)
                if allowed is not None:
                    self.send_header("Access-Control-Allow-Origin", allowed)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_OPTIONS = do_GET  # noqa: N815 - the names are the base class's

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_nothing_is_permitted_by_a_server_that_names_itself_and_no_origin(serving):
    assert permissions("127.0.0.1", serving()) == []
    assert permissions("127.0.0.1", serving(allowed="http://127.0.0.1:4200")) == []
    assert permissions("127.0.0.1", serving(status=401, known=None)) == []


@pytest.mark.parametrize("allowed", ["*", ORIGIN])
def test_an_admitted_origin_is_seen_on_each_method(serving, allowed):
    found = permissions("127.0.0.1", serving(allowed=allowed))
    assert [sentence.split()[0] for sentence in found] == ["GET", "POST", "OPTIONS"]


@pytest.mark.parametrize("status", [200, 304])
def test_an_answered_foreign_name_is_seen(serving, status):
    found = permissions("127.0.0.1", serving(status=status, known=None))
    assert len(found) == 8
    assert all(HOST in sentence and f"answers {status}" in sentence for sentence in found)
