"""When a process counts as ready: with strangers on its port, and when it ends again and again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedded.supervision.sockets import is_listening
from tabular.errors import Unavailable


class Yes(BaseHTTPRequestHandler):
    """Another program, which responds 200 to any request."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()


def test_another_program_that_responds_on_the_port_does_not_make_ours_ready(stack):
    with ThreadingHTTPServer(("127.0.0.1", stack.layout.ports.emulator), Yes) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(Unavailable, match=r"(?s)emulator.*it exited.*ddress already in use"):
            stack.up(["emulator"])
        other.shutdown()
    assert not stack.supervisor.runs("emulator")


def test_a_program_without_a_port_that_keeps_exiting_is_not_ready_and_its_error_is_shown(stack):
    with pytest.raises(Unavailable, match=r"(?s)send-data-kinesis.*it exited.*is not available"):
        stack.up(["send-data-kinesis"])
    assert not stack.supervisor.runs("send-data-kinesis")


def test_a_server_that_does_not_start_tells_its_reason_at_once_and_is_not_tried_for_ever(stack):
    with (stack.layout.state / "overrides.env").open("a") as file:
        file.write("CONTRACT=contracts/no_such.toml\n")
    with pytest.raises(Unavailable, match=r"api is not available: it exited: the API does not start: .*no_such"):
        stack.up(["api"])
    assert not stack.supervisor.runs("api")


def test_a_port_belongs_to_the_process_that_listens_on_it():
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with other, socket.create_server(("127.0.0.1", 0)) as own:
        port = int(other.stdout.readline())
        assert is_listening(port, group=other.pid)
        assert not is_listening(port, group=os.getpgid(0))
        assert is_listening(own.getsockname()[1], group=os.getpgid(0))
        other.communicate("\n")
        assert not is_listening(port, group=other.pid)
