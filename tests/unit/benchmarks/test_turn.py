"""A contender's turn: what is rejected, and what is counted."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.harness.processes import largest_mb, tree, usage
from benchmarks.peers import model
from benchmarks.peers.catalog import Around, Contender
from benchmarks.peers.report import tables
from benchmarks.peers.turn import Failed, Load, take
from embedded.services.service import free_port

LOAD = Load(seconds=1, warm_seconds=1, paced_seconds=1, rates=(), connections=2, checked=5)
SERVER = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"score": 2}')
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model.make(folder)
    return folder


@pytest.fixture
def around(made, tmp_path):
    return Around(made, tmp_path, free_port(), (free_port(), free_port()), "mongodb://127.0.0.1:1", "")


def contender(code, score=lambda response: response["score"]):
    return Contender("some", lambda around: [sys.executable, "-c", code, str(around.port)], score=score)


def test_a_server_that_responds_with_another_score_than_the_model_is_not_measured(around):
    with pytest.raises(Failed, match="it responds with 2, the model says 0"):
        take(contender(SERVER), around, LOAD, lambda: 0.0)


def test_a_server_whose_response_holds_no_score_is_not_measured(around):
    with pytest.raises(Failed, match="it did not respond to"):
        take(contender(SERVER, lambda response: response["chance"]), around, LOAD, lambda: 0.0)


def test_a_server_that_does_not_start_is_named_with_the_end_of_its_log(around):
    with pytest.raises(Failed, match="no such model"):
        take(contender("raise SystemExit('no such model')"), around, LOAD, lambda: 0.0)


def test_a_program_that_is_not_installed_is_named(around):
    with pytest.raises(Failed, match="no-such-program"):
        take(Contender("some", lambda _: ["/no-such-program"]), around, LOAD, lambda: 0.0)


def test_every_process_of_a_tree_is_counted():
    child = "print('up', flush=True); input()"  # said by the child: until it runs, nothing of it is in memory
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        pids = tree(process.pid)
        assert len(pids) == 2
        assert usage(pids).resident_bytes > usage({process.pid}).resident_bytes > 1_000_000
        (child,) = pids - {process.pid}
        assert largest_mb(process.pid) == pytest.approx(usage({child}).resident_bytes / 1e6, rel=0.5)
        process.stdin.close()
    assert usage({process.pid}).resident_bytes == 0
    assert os.getpid() in tree(os.getpid())


def test_ratios_are_taken_within_a_round():
    def figures(rate, p99):
        named = {"full_requests_per_second": rate, "full_p50_ms": 1.0, "full_p99_ms": p99, "full_errors": 0.0}
        rest = dict.fromkeys(("full_generator_cpu", "others_cpu", "full_cpu_us", "store_cpu_us"), 1.0)
        return {**named, **rest, "full_resident_mb": 1.0, "start_seconds": 1.0}

    slow, fast = (figures(100.0, 8.0), figures(10.0, 20.0)), (figures(600.0, 4.0), figures(1_000.0, 5.0))
    rounds = {"ours": [*fast, fast[0]], "BentoML": [*slow, slow[0]]}  # ratios 6, 100, 6
    found = {table.title: table.rows for table in tables(rounds, {"Ray Serve": "no such package"}, LOAD)}
    beside = {row["contender"].partition(" ")[0]: row["ours / it"] for row in found["One row a request, at saturation"]}
    assert beside == {"ours": 1.0, "BentoML": 6.0}
    targets = [(row["found"], row["met"]) for row in found["The goals"]]
    assert targets == [(6.0, "yes"), (0.5, "yes")]
    assert found["Not measured"] == [{"contender": "Ray Serve", "why": "no such package"}]
