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
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from server.stream.shard_reader import ShardReader
from tabular.data import feature_store
from tabular.data.reading import read_table
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
        self.labels = []
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
        if self.path == "/labels":
            self.server.labels.append((time.monotonic(), json.loads(body)))
            self.answer(200, {})
            return
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.requests.append((self.path, json.loads(body), self.headers["Idempotency-Key"], status))
        if status == 0:  # hang up without an answer
            self.close_connection = True
            return
        served = {"churn chance": 0.25, "prediction_id": f"p{len(self.server.requests)}"}
        self.answer(status, served if status == 200 else {"error": "age is odd"})

    def answer(self, status, said):
        answer = json.dumps(said).encode()
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
    streams = {
        f"STREAM_{each}": f"{each.lower()}-{name}" for each in ("PREDICTIONS", "RESULTS", "DEAD_LETTERS", "LABELS")
    }
    for stream in streams.values():
        wiring.stream_admin().ensure(stream, 2)
    own = {"AWS_ENDPOINT_URL": endpoint, "S3_BUCKET": f"simulate-{name}", "SIMULATOR_LABEL_SHARE": "0"}
    return os.environ | own | streams | {"CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml")}


@pytest.fixture(scope="module")
def outcomes(contract):
    """The outcome of each row of the table, by its business key."""
    cells = read_table(make_table(contract, ROWS, 0)).cells
    return dict(zip(cells[contract.table.id_column].astype(str), cells[contract.target.column], strict=True))


def start(environ, target, *arguments):
    command = [sys.executable, "-m", f"simulation_business.send_data_{target}", *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(environ, target, *arguments):
    process = start(environ, target, *arguments)
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
    assert re.search(rf"sent {ROWS} .*served {ROWS}, failed 0, .* s a response, last: churn chance 0\.25", said)
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


class Consumer(threading.Thread):
    """A stand-in for the consumer: what is on a stream gets a result, and each tenth record a dead letter."""

    def __init__(self, environ):
        super().__init__()
        wiring = Wiring(Settings(aws_endpoint_url=environ["AWS_ENDPOINT_URL"]))
        self.reader = ShardReader(wiring.shards(environ["STREAM_PREDICTIONS"]), load=lambda _: None)
        self.results, self.letters = (wiring.stream(environ[f"STREAM_{name}"]) for name in ("RESULTS", "DEAD_LETTERS"))
        self.records, self.is_done = [], threading.Event()

    def run(self):
        while not self.is_done.wait(0.05):
            for record in self.reader.poll(1_000).records:
                self.records.append(record)
                said = {"partition_key": record.partition_key}
                if len(self.records) % 10 == 0:
                    self.letters.put([("k", json.dumps(said | {"reason": "age is odd"}).encode())])
                    continue
                said |= {"prediction_id": record.sequence_number, "churn chance": 0.5}
                self.results.put([("k", json.dumps(said).encode())] * 2)  # a result may come twice

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_done.set()
        self.join()


def labels_on(environ):
    reader = ShardReader(
        Wiring(Settings(aws_endpoint_url=environ["AWS_ENDPOINT_URL"])).shards(environ["STREAM_LABELS"]), lambda _: None
    )
    found = []
    while page := reader.poll(1_000).records:
        found += [json.loads(record.data) for record in page]
    return found


def test_rows_reach_every_shard_of_the_stream_and_what_comes_back_is_told(environ, contract, outcomes):
    given = environ | {"SIMULATOR_LABEL_SHARE": "1", "SIMULATOR_LABEL_DELAY_SECONDS": "0.5"}
    with Consumer(environ) as consumer:
        code, said = run(given, "kinesis", "--rate", "500", "--count", str(ROWS), "--shift", "gender=F")
    assert code == 0, said
    assert re.search(rf"sent {ROWS} .*served 45, failed 5, 0\.\d+ s a response, 45 outcomes told", said)
    assert len({record.shard for record in consumer.records}) == 2
    codec = RowCodec(contract)
    found = [codec.decode(record.data) for record in consumer.records]
    assert len({row.values for row in found}) == len(found) == ROWS
    assert {row.values[1] for row in found} == {"F"}
    assert {row.business_key for row in found} == outcomes.keys()
    told = labels_on(environ)
    assert len(told) == 45
    assert all(set(label) == {"customer_id", "outcome"} for label in told)
    assert {label["customer_id"]: label["outcome"] for label in told}.items() <= outcomes.items()


def test_what_nobody_reads_is_told_to_be_without_a_response(environ):
    code, said = run(environ, "kinesis", "--rate", "500", "--count", "3")
    assert code == 0, said
    assert re.search(r"sent 3 .*served 0, failed 0, 3 without a response yet", said)


@pytest.mark.parametrize("shift", [(), ("--shift", "outcome=flip:100%")], ids=["as it is", "flipped"])
@pytest.mark.parametrize("by", ["prediction_id", "business_key"])
def test_the_outcome_of_each_row_is_told_after_its_time(environ, outcomes, contract, shift, by):
    given = environ | {"SIMULATOR_LABEL_SHARE": "1", "SIMULATOR_LABEL_DELAY_SECONDS": "1"}
    with Api(free_port()).serving() as api:
        url = f"http://127.0.0.1:{api.server_port}"
        began = time.monotonic()
        code, said = run(given, "api", "--url", url, "--rate", "1000", "--count", "20", "--label-by", by, *shift)
    assert code == 0, said
    assert "20 outcomes told" in said
    assert all(at - began > 1 for at, _ in api.labels)
    keys = {f"p{at}": body["customer_id"] for at, (_, body, *_) in enumerate(api.requests, start=1)}
    told = [label for _, several in api.labels for label in several]
    assert len(told) == 20
    other = dict(zip(contract.target.classes, reversed(contract.target.classes), strict=True))
    for label in told:
        key = keys[label["prediction_id"]] if by == "prediction_id" else label["customer_id"]
        assert label["outcome"] == (other[outcomes[key]] if shift else outcomes[key])


def test_outcomes_that_are_not_due_do_not_keep_it_from_stopping(environ):
    given = environ | {"SIMULATOR_LABEL_SHARE": "1", "SIMULATOR_LABEL_DELAY_SECONDS": "1000"}
    with Api(free_port()).serving() as api:
        process = start(given, "api", "--url", f"http://127.0.0.1:{api.server_port}", "--rate", "200", "--count", "5")
        try:
            wait_until(lambda: len(api.requests) == 5)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert "stopped: sent 5" in said
    assert api.labels == []


@pytest.mark.parametrize(("target", "most_mb"), [("api", 45), ("kinesis", 80)])
def test_a_simulator_takes_little_memory(environ, target, most_mb):
    with Api(free_port()).serving() as api:
        where = ("--url", f"http://127.0.0.1:{api.server_port}") if target == "api" else ()
        process = start(environ, target, *where, "--rate", "200")
        try:
            assert "rows of" in process.stderr.readline()
            time.sleep(3)
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.kill()
            process.communicate()
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1_024 < most_mb


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--shift", "gender=X"), "gender: cannot be shifted by 'X' (allowed: gender= one of F, M)"),
        (("--shift", "outcome=flip"), "outcome: cannot be shifted by 'flip' (allowed: outcome=flip:30%"),
        (("--label-share", "1.5"), "--label-share must be a number from 0 to 1"),
        (("--label-delay", "-1"), "--label-delay one of at least 0"),
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
