"""The stream door as a real process, on real streams and a real store, killed and starved."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from embedded import apps, backends
from embedded.layout import PROJECT, Layout, Ports
from embedded.service import Service, free_port, stop
from tabular.adapters.leases import MongoLeases
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.shards import KinesisShards
from tabular.adapters.stream import KinesisStream, StreamAdmin
from tabular.bundle import Bundle
from tabular.ports import StreamRecord
from tabular.prediction import id_from_stream
from tabular.row import RowCodec, matrix
from tabular.shard_reader import ShardReader

REGION = "us-east-1"
RUN_ID = "a" * 32
PATIENCE_SECONDS = 60.0


@dataclass
class Door:
    """One consumer's surroundings: streams, a database and a state folder of its own."""

    aws_url: str
    mongo_uri: str
    state: Path
    batch_records: int = 500
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)
    readers: dict[str, ShardReader] = field(default_factory=dict)
    found: dict[str, list[StreamRecord]] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MongoPredictions(self.mongo_uri, self.name)
        self.ensure_streams()

    def ensure_streams(self) -> None:
        for stream in ("predictions", "results", "dead"):
            StreamAdmin(self.aws_url, REGION).ensure(f"{self.name}-{stream}", 2)

    def environ(self) -> dict[str, str]:
        return os.environ | {
            "RUN_ID": RUN_ID,
            "STATE_DIR": str(self.state),
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "MONGO_URI": self.mongo_uri,
            "MONGO_DATABASE": self.name,
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",  # nobody is there: the local copy must do
            "STREAM_PREDICTIONS": f"{self.name}-predictions",
            "STREAM_RESULTS": f"{self.name}-results",
            "STREAM_DEAD_LETTERS": f"{self.name}-dead",
            "CONSUMER_NAME": self.name,
            "CONSUMER_METRICS_PORT": str(self.port),
            "CONSUMER_BATCH_RECORDS": str(self.batch_records),
            "CONSUMER_POLL_SECONDS": "0.05",
        }

    def start(self) -> subprocess.Popen[bytes]:
        service = Service(
            "consumer",
            (sys.executable, "-m", "server.consumer"),
            port=self.port,
            ready_url=f"http://127.0.0.1:{self.port}/metrics",
            environ=self.environ(),
        )
        process = service.start(self.state / "consumer.log")
        self.started.append(process)
        service.wait_ready(process, self.state / "consumer.log")
        return process

    def put(self, bodies: list[bytes]) -> None:
        keyed = [(f"key-{at}", body) for at, body in enumerate(bodies)]
        KinesisStream(f"{self.name}-predictions", self.aws_url, REGION).put(keyed)

    def read(self, stream: str) -> list[StreamRecord]:
        """Everything on the stream so far."""
        if stream not in self.readers:
            shards = KinesisShards(f"{self.name}-{stream}", self.aws_url, REGION)
            self.readers[stream] = ShardReader(shards, load=lambda _: None)
        found = self.found.setdefault(stream, [])
        while page := self.readers[stream].poll(10_000).records:
            found += page
        return found

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(record.data) for record in self.read("results")]

    def letters(self) -> list[dict[str, Any]]:
        return [json.loads(record.data) for record in self.read("dead")]

    def stored(self) -> int:
        return self.store.count_by_door().get("stream", 0)

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def answered(self) -> float:
        """How many records were answered, checkpoint and all."""
        return self.metric('consumer_records_total{outcome="answered"}')

    def failures(self, step: str) -> float:
        return self.metric(f'consumer_failures_total{{step="{step}"}}')


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def state(tmp_path: Path, bundle: Bundle) -> Path:
    shutil.copytree(bundle.folder, tmp_path / "bundles" / RUN_ID)
    return tmp_path


@pytest.fixture
def make_door(ministack: Service, store: Service, state: Path) -> Iterator[Callable[..., Door]]:
    """Makes doors on this session's servers or on others; their processes are ended with the test."""
    doors: list[Door] = []

    def make(aws_port: int = ministack.port, mongo_port: int = store.port, batch_records: int = 500) -> Door:
        made = Door(f"http://127.0.0.1:{aws_port}", f"mongodb://127.0.0.1:{mongo_port}", state, batch_records)
        doors.append(made)
        return made

    yield make
    for process in [process for door in doors for process in door.started]:
        stop(process)


@pytest.fixture
def door(make_door: Callable[..., Door]) -> Door:
    return make_door()


def bodies(bundle: Bundle, count: int) -> list[bytes]:
    records = [golden.record for golden in bundle.golden]
    return [json.dumps(records[at % len(records)]).encode() for at in range(count)]


def scores(bundle: Bundle, sent: list[bytes]) -> list[float]:
    codec = RowCodec(bundle.contract)
    return bundle.predict(matrix([codec.decode(body) for body in sent])).tolist()


def test_a_record_comes_out_with_the_bundles_own_score_and_is_stored_once(door, bundle):
    door.start()
    sent = bodies(bundle, 40)
    door.put(sent)
    wait_until(lambda: len(door.answers()) >= 40)
    answers = {answer["partition_key"]: answer for answer in door.answers()}
    wanted = scores(bundle, sent)
    for at, body in enumerate(sent):
        answer = answers[f"key-{at}"]
        assert answer[bundle.contract.reply.prediction_key] == wanted[at], body
        assert answer["model_run_id"] == RUN_ID
    records = {record.partition_key: record for record in door.read("predictions")}
    stored = {prediction.id: prediction for prediction in door.store.latest(1_000)}
    assert len(stored) == door.stored() == 40
    for key, answer in answers.items():
        record = records[key]
        assert (answer["shard"], answer["sequence_number"]) == (record.shard, record.sequence_number)
        assert answer["prediction_id"] == id_from_stream(record.stream, record.shard, record.sequence_number)
        assert stored[answer["prediction_id"]].score == answer[bundle.contract.reply.prediction_key]


def test_poison_becomes_dead_letters_while_the_others_are_answered(door, bundle):
    door.start()
    good = bodies(bundle, 1)[0]
    record = json.loads(good)
    first, *others = record
    poison = {
        "empty": b"",
        "junk": bytes(range(256)) * 10,
        "array": json.dumps([record] * 2_000).encode(),
        "a_number": b"42",
        "twice_encoded": base64.b64encode(good),
        "missing_field": json.dumps({name: record[name] for name in others}).encode(),
        "unknown_fields": json.dumps(record | {f"x{at}": at for at in range(500)}).encode(),
        "wrong_type": json.dumps(record | {first: ["no"]}).encode(),
        "not_a_number": good.replace(b": ", b": NaN, ", 1)[:-1] + b"}",
        "too_deep": b"[" * 100_000,
        "a_megabyte": b'{"x": "' + b"\x01" * 1_000_000 + b'"}',
        "utf_16": good.decode().encode("utf-16"),
    }
    door.put([good, *poison.values(), good])
    wait_until(lambda: len(door.letters()) >= len(poison) and len(door.answers()) >= 2)
    letters = {letter["partition_key"]: letter for letter in door.letters()}
    assert len(door.letters()) == len(poison)
    assert {answer["partition_key"] for answer in door.answers()} == {"key-0", f"key-{len(poison) + 1}"}
    by_name = {name: letters[f"key-{at}"] for at, name in enumerate(poison, start=1)}
    sources = {record.partition_key: record for record in door.read("predictions")}
    for at, (name, data) in enumerate(poison.items(), start=1):
        letter = by_name[name]
        kept = base64.b64decode(letter["data"]) if letter["data_encoding"] == "base64" else letter["data"].encode()
        assert data.startswith(kept), name
        assert letter["data_bytes"] == len(data), name
        assert letter["reason"], name
        assert letter["arrived_at"].endswith("Z"), name
        assert letter["sequence_number"] == sources[f"key-{at}"].sequence_number, name
    assert by_name["junk"]["data_encoding"] == by_name["utf_16"]["data_encoding"] == "base64"
    assert "empty" in by_name["empty"]["reason"]
    assert "raw-in-base64-out" in by_name["twice_encoded"]["reason"]
    assert [fault["field"] for fault in by_name["missing_field"]["faults"]] == [first]
    assert by_name["unknown_fields"]["fault_count"] == 500
    assert len(by_name["unknown_fields"]["faults"]) == 100
    assert door.stored() == 2
    assert door.metric('consumer_records_total{outcome="dead_letter"}') == len(poison)
    assert door.metric('consumer_records_total{outcome="answered"}') == 2
    assert door.metric("consumer_model_info") == 1


def test_killing_it_in_mid_batch_loses_nothing_and_stores_nothing_twice(make_door, bundle):
    door = make_door(batch_records=25)
    sent = bodies(bundle, 2_000)
    door.put(sent)
    for share in (0.1, 0.3, 0.5):
        process = door.start()
        wait_until(lambda share=share: door.stored() >= share * len(sent))
        process.kill()
        process.wait()
    assert door.stored() < len(sent), "the consumer was too fast to be killed in the middle"
    door.start()
    wait_until(lambda: len({answer["prediction_id"] for answer in door.answers()}) >= len(sent))
    records = door.read("predictions")
    ids = {id_from_stream(r.stream, r.shard, r.sequence_number): r.partition_key for r in records}
    stored = {prediction.id: prediction.score for prediction in door.store.latest(10_000)}
    wanted = {f"key-{at}": score for at, score in enumerate(scores(bundle, sent))}
    assert {ids[known]: score for known, score in stored.items()} == wanted
    assert len(stored) == door.stored() == len(sent)
    key = bundle.contract.reply.prediction_key
    assert {answer["partition_key"]: answer[key] for answer in door.answers()} == wanted


def test_sigterm_ends_it_cleanly_and_a_restart_goes_on_behind_the_checkpoint(door, bundle):
    sent = bodies(bundle, 300)
    door.put(sent[:200])
    first = door.start()
    wait_until(lambda: door.stored() == 200)
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_SECONDS) == 0
    shard = door.read("predictions")[0].shard
    leases = MongoLeases(door.mongo_uri, door.name)
    lease = leases.leases(f"{door.name}-predictions")[shard]
    assert lease.owner is None
    assert lease.position["sequence_number"]
    assert leases.beats(f"{door.name}-predictions") == {}
    leases.close()
    door.put(sent[200:])
    second = door.start()
    wait_until(lambda: door.stored() == 300)
    second.send_signal(signal.SIGINT)
    assert second.wait(PATIENCE_SECONDS) == 0
    assert len(door.answers()) == 300, "nothing was answered again after a clean stop"


@pytest.fixture
def own(tmp_path: Path) -> Layout:
    """A store and an emulator that a test may kill."""
    return Layout(state=tmp_path / "own", ports=Ports(**{name: free_port() for name in Ports.__dataclass_fields__}))


def test_while_the_store_is_down_it_waits_and_then_loses_nothing(make_door, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        door = make_door(mongo_port=own.ports.store)
        process = door.start()
        door.put(bodies(bundle, 100))
        wait_until(lambda: door.answered() == 100)
    door.put(bodies(bundle, 700))
    wait_until(lambda: door.failures("store") >= 1)
    assert len(door.answers()) == 100, "no answer is published that is not stored"
    with service.running(own.logs / "store.log"):
        wait_until(lambda: door.answered() == 800)
        assert door.stored() == len(door.answers()) == 800
        assert process.poll() is None


def test_with_the_store_down_it_still_stops_cleanly(make_door, own, bundle):
    service = backends.store(own)
    with service.running(own.logs / "store.log"):
        door = make_door(mongo_port=own.ports.store)
        process = door.start()
        door.put(bodies(bundle, 10))
        wait_until(lambda: door.answered() == 10)
    door.put(bodies(bundle, 10))
    wait_until(lambda: door.failures("store") >= 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


def test_an_emulator_killed_and_started_without_its_streams_is_followed(make_door, own, bundle):
    service = backends.emulator(own)
    with service.running(own.logs / "emulator.log") as emulator:
        door = make_door(aws_port=own.ports.emulator)
        process = door.start()
        door.put(bodies(bundle, 100))
        wait_until(lambda: door.answered() == 100)
        emulator.kill()
    wait_until(lambda: door.failures("read") >= 1)
    with service.running(own.logs / "emulator.log"):
        door.ensure_streams()
        door.put(bodies(bundle, 50))
        wait_until(lambda: door.answered() == 150)
        assert door.stored() == 150
        assert process.poll() is None


def test_a_run_that_cannot_be_served_ends_it_with_the_reason(door, bundle):
    process = subprocess.run(
        [sys.executable, "-m", "server.consumer"],
        env=door.environ() | {"RUN_ID": "../etc"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert process.returncode == 1
    assert "RUN_ID" in process.stderr
    assert "Traceback" not in process.stderr


def test_the_same_row_gets_the_same_score_through_both_doors(door, own, bundle):
    api = apps.api(own)
    serving = replace(api, environ=door.environ() | {"API_PORT": str(own.ports.api), "API_WORKERS": "1"})
    sent = bodies(bundle, len(bundle.golden))
    door.start()
    with serving.running(own.logs / "api.log"):
        url = f"http://127.0.0.1:{own.ports.api}/predict"
        over_http = []
        for body in sent:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as reply:
                over_http.append(json.loads(reply.read()))
        door.put(sent)
        wait_until(lambda: len(door.answers()) == len(sent))
        wait_until(lambda: door.store.count_by_door() == {"api": len(sent), "stream": len(sent)})
    over_stream = {answer["partition_key"]: answer for answer in door.answers()}
    unlike = {"prediction_id", "partition_key", "shard", "sequence_number"}
    for at, answer in enumerate(over_http):
        assert {key: value for key, value in answer.items() if key not in unlike} == {
            key: value for key, value in over_stream[f"key-{at}"].items() if key not in unlike
        }
