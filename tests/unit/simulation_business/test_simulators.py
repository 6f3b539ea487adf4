"""The two simulators as processes: rows of the latest version, features only, through a server's restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.encoding.row import RowCodec
from tabular.settings import Settings
from tabular.wiring import Wiring

ROWS = 50


class Api(ThreadingHTTPServer):
    """A stand-in for the API: keeps every request, and answers with the statuses it is given, then 200."""

    daemon_threads = True

    def __init__(self, port, statuses=()) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.statuses = list(statuses)
        self.requests = []
        self.connections = []

    @contextmanager
    def serving(self):
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()
            for connection in self.connections:  # a server that is gone keeps none alive
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def keys(self, status):
        return [key for _, _, key, answered in self.requests if answered == status]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.server.connections.append(self.request)
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.requests.append((self.path, json.loads(body), self.headers["Idempotency-Key"], status))
        if status == 0:  # hang up without an answer
            self.close_connection = True
            return
        answer = json.dumps({"churn chance": 0.25} if status == 200 else {"error": "age is odd"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def environ(ministack, contract):
    """A bucket with a small table, and a stream of two shards."""
    name = uuid.uuid4().hex[:8]
    endpoint = f"http://127.0.0.1:{ministack.port}"
    wiring = Wiring(Settings(s3_bucket=f"simulate-{name}", aws_endpoint_url=endpoint))
    objects = wiring.objects()
    objects.ensure_bucket()
    feature_store.publish(objects, contract, make_table(contract, ROWS, 0), "synthetic", synthetic=True)
    wiring.stream_admin().ensure(f"predictions-{name}", 2)
    own = {"AWS_ENDPOINT_URL": endpoint, "S3_BUCKET": f"simulate-{name}", "STREAM_PREDICTIONS": f"predictions-{name}"}
    return os.environ | own | {"CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml")}


def start(environ, door, *arguments):
    command = [sys.executable, "-m", f"simulation_business.send_data_{door}", *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(environ, door, *arguments):
    process = start(environ, door, *arguments)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


def wait_until(is_true):
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.02)


def test_every_row_is_sent_once_with_features_only(environ, contract):
    with Api(free_port()).serving() as api:
        url = f"http://127.0.0.1:{api.server_port}"
        code, said = run(environ, "api", "--url", url, "--rate", "1000", "--count", str(ROWS))
    assert code == 0, said
    assert re.search(rf"sent {ROWS} .*served {ROWS}, failed 0, last: churn chance 0\.25", said)
    assert {path for path, *_ in api.requests} == {"/predict"}
    codec = RowCodec(contract)
    rows = {codec.parse(record).values for _, record, _, _ in api.requests}
    assert len(rows) == ROWS
    assert len({key for *_, key, _ in api.requests}) == ROWS


def test_each_start_sends_other_rows_unless_a_seed_is_asked_for(environ):
    """The same rows at each start make a window of repeats, in which any oddity of theirs looks like drift."""

    def sent(*given):
        with Api(free_port()).serving() as api:
            where = ("--url", f"http://127.0.0.1:{api.server_port}", "--rate", "1000", "--count", "20")
            code, said = run(environ, "api", *where, *given)
        assert code == 0, said
        return [record for _, record, _, _ in api.requests], re.search(r"in the order of --seed (\d+)", said)[1]

    first, seed = sent()
    assert sent()[0] != first
    assert sent("--seed", seed) == (first, seed)


def test_a_row_is_tried_again_under_the_same_key_until_it_is_served(environ):
    with Api(free_port(), [503, 0, 502, 429, 504]).serving() as api:
        url = f"http://127.0.0.1:{api.server_port}"
        code, said = run(environ, "api", "--url", url, "--rate", "1000", "--count", "3")
    assert code == 0, said
    assert "served 3, failed 0" in said
    assert [answered for *_, answered in api.requests] == [503, 0, 502, 429, 504, 200, 200, 200]
    assert len({key for *_, key, _ in api.requests[:6]}) == 1
    assert len(set(api.keys(200))) == 3


def test_a_refused_row_is_counted_shown_and_not_tried_again(environ):
    with Api(free_port(), [422, 500]).serving() as api:
        url = f"http://127.0.0.1:{api.server_port}"
        code, said = run(environ, "api", "--url", url, "--rate", "1000", "--count", "2")
    assert code == 1
    assert 'served 0, failed 2, last: HTTP 500: {"error": "age is odd"}' in said
    assert len(api.requests) == 2


def test_it_lives_through_a_restart_of_the_server_and_stops_on_sigterm_with_a_summary(environ):
    port = free_port()
    process = start(environ, "api", "--url", f"http://127.0.0.1:{port}", "--rate", "200")
    try:
        with Api(port).serving() as first:
            wait_until(lambda: len(first.requests) > 5)
        with Api(port).serving() as second:
            wait_until(lambda: len(second.requests) > 5)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert re.search(r"^stopped: sent", said, re.MULTILINE)
    keys = first.keys(200) + second.keys(200)
    assert len(set(keys)) >= len(keys) - 1, "at most the row under way when the server went is sent twice"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_while_the_server_is_not_ready(environ, number):
    with Api(free_port(), [503] * 1_000).serving() as api:
        process = start(environ, "api", "--url", f"http://127.0.0.1:{api.server_port}")
        try:
            wait_until(lambda: api.requests)
            process.send_signal(number)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "served 0, failed 1, last: HTTP 503, trying again" in said
    assert "Traceback" not in said


def test_a_planted_shift_reaches_the_server(environ):
    with Api(free_port()).serving() as api:
        url = f"http://127.0.0.1:{api.server_port}"
        shift = ("--shift", "gender=m", "--shift", "customer_age=+500%")
        code, said = run(environ, "api", "--url", url, "--rate", "1000", "--count", "20", *shift)
    assert code == 0, said
    assert {(record["gender"], record["customer_age"]) for _, record, *_ in api.requests} == {("M", 120)}


def test_rows_reach_every_shard_of_the_stream(environ, contract):
    code, said = run(environ, "kinesis", "--rate", "2000", "--count", str(ROWS), "--shift", "gender=F")
    assert code == 0, said
    assert f"served {ROWS}, failed 0" in said
    kinesis = boto3.client("kinesis", endpoint_url=environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
    stream, codec, found = environ["STREAM_PREDICTIONS"], RowCodec(contract), []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        place = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        records = kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
        assert records, "a shard without a row"
        found += [codec.decode(record["Data"]) for record in records]
    assert len({row.values for row in found}) == len(found) == ROWS
    assert {row.values[1] for row in found} == {"F"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--shift", "gender=X"), "gender: cannot be shifted by 'X' (allowed: gender= one of F, M)"),
        (("--rate", "0"), "--rate must be a number above 0"),
        (("--count", "0"), "--count a whole number of at least 1"),
        (
            ("--table", "nowhere"),
            "this stack has no table 'nowhere'. Its tables are credit_card_churn: name one of them",
        ),
    ],
)
def test_what_cannot_work_is_said_in_one_line(environ, arguments, why):
    code, said = run(environ, "api", *arguments)
    assert code == 1
    assert why in said
    assert said.count("\n") == 1


def test_a_table_that_was_not_published_is_told(environ):
    code, said = run(environ | {"TABLES": "telecom_churn,credit_card_churn"}, "api", "--table", "telecom_churn")
    assert code == 1
    assert "no table telecom_churn yet: run `make init" in said


def test_a_bad_address_is_named(environ):
    code, said = run(environ, "api", "--url", "localhost:9696")
    assert code == 1
    assert "--url 'localhost:9696' is not an address such as http://" in said


def test_an_unknown_stream_is_named(environ):
    code, said = run(environ, "kinesis", "--stream", "no-such-stream")
    assert code == 1
    assert "no-such-stream" in said
