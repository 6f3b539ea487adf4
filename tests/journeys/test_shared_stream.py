"""Several consumers, real processes, on the eight shards of one stream: joined, killed, stopped, paused, resharded."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest

from embedded.service import Service, free_port, stop
from tabular.adapters.leases import MongoLeases
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.shards import KinesisShards
from tabular.adapters.stream import KinesisStream, StreamAdmin
from tabular.bundle import Bundle
from tabular.ports import StreamRecord
from tabular.prediction import id_from_stream
from tabular.shard_reader import ShardReader

REGION = "us-east-1"
RUN_ID = "a" * 32
SHARDS = 8
LEASE_SECONDS = 4.0
PATIENCE_SECONDS = 60.0


@dataclass
class Consumer:
    """One consumer process and the page of its metrics."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(self.url, timeout=10) as page:
            lines = page.read().decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def held(self) -> float:
        return self.metric("consumer_leases_held")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass
class SharedStream:
    """A stream of eight shards, a store, and the consumers that share it."""

    aws_url: str
    mongo_uri: str
    state: Path
    bodies: list[bytes]
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")
    consumers: list[Consumer] = field(default_factory=list)
    sent: int = 0
    records: dict[str, StreamRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stream in ("predictions", "results", "dead"):
            StreamAdmin(self.aws_url, REGION).ensure(f"{self.name}-{stream}", SHARDS)
        self.store = MongoPredictions(self.mongo_uri, self.name)
        self.leases = MongoLeases(self.mongo_uri, self.name)
        self._source = self._reader("predictions")
        self._results = self._reader("results")
        self._answers: list[str] = []

    def join(self) -> Consumer:
        port, name = free_port(), f"c{len(self.consumers)}"
        service = Service(
            name,
            (sys.executable, "-m", "server.consumer"),
            ready_url=f"http://127.0.0.1:{port}/metrics",
            environ={
                "RUN_ID": RUN_ID,
                "STATE_DIR": str(self.state),
                "AWS_ENDPOINT_URL": self.aws_url,
                "AWS_REGION": REGION,
                "MONGO_URI": self.mongo_uri,
                "MONGO_DATABASE": self.name,
                "STREAM_PREDICTIONS": f"{self.name}-predictions",
                "STREAM_RESULTS": f"{self.name}-results",
                "STREAM_DEAD_LETTERS": f"{self.name}-dead",
                "CONSUMER_NAME": name,
                "CONSUMER_METRICS_PORT": str(port),
                "CONSUMER_POLL_SECONDS": "0.1",
                "CONSUMER_BATCH_RECORDS": "40",
                "LEASE_SECONDS": str(LEASE_SECONDS),
            },
        )
        log = self.state / f"{name}.log"
        self.consumers.append(Consumer(service.start(log), service.ready_url or "", log))
        service.wait_ready(self.consumers[-1].process, log)
        return self.consumers[-1]

    def put(self, count: int) -> None:
        stream = KinesisStream(f"{self.name}-predictions", self.aws_url, REGION)
        keyed = [(f"key-{at}", self.bodies[at % len(self.bodies)]) for at in range(self.sent, self.sent + count)]
        stream.put(keyed)
        self.sent += count

    @contextmanager
    def load(self) -> Iterator[None]:
        """Records all the time, a few hundred a second."""
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(0.1):
                self.put(30)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def ids(self) -> dict[str, str]:
        """The id that each record put so far must have in the store, with its key."""
        while page := self._source.poll(10_000).records:
            self.records |= {id_from_stream(one.stream, one.shard, one.sequence_number): one for one in page}
        return {known: record.partition_key for known, record in self.records.items()}

    def stored(self) -> int:
        return self.store.count_by_door().get("stream", 0)

    def answers(self) -> list[str]:
        """The ids on the results stream so far, one that came twice twice."""
        while page := self._results.poll(10_000).records:
            self._answers += [json.loads(record.data)["prediction_id"] for record in page]
        return self._answers

    def check_all_is_stored_once(self) -> None:
        wait_until(lambda: len(set(self.answers())) >= self.sent)
        ids = self.ids()
        assert len(ids) == self.sent
        assert {prediction.id for prediction in self.store.latest(1_000_000)} == ids.keys()
        assert self.stored() == self.sent
        assert set(self.answers()) == ids.keys()

    def _reader(self, stream: str) -> ShardReader:
        return ShardReader(KinesisShards(f"{self.name}-{stream}", self.aws_url, REGION), load=lambda _: None)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def make_stream(store: Service, tmp_path: Path, bundle: Bundle) -> Iterator[Callable[[Service], SharedStream]]:
    """Makes shared streams on an emulator; the consumers are ended with the test."""
    made: list[SharedStream] = []

    def make(emulator: Service) -> SharedStream:
        shutil.copytree(bundle.folder, tmp_path / "bundles" / RUN_ID)
        bodies = [json.dumps(golden.record).encode() for golden in bundle.golden]
        urls = (f"http://127.0.0.1:{emulator.port}", f"mongodb://127.0.0.1:{store.port}")
        made.append(SharedStream(*urls, tmp_path, bodies))
        return made[-1]

    yield make
    for consumer in [consumer for one in made for consumer in one.consumers]:
        if consumer.process.poll() is None:
            consumer.signal(signal.SIGCONT)
        stop(consumer.process)


@pytest.fixture
def stream(make_stream: Callable[[Service], SharedStream], ministack: Service) -> SharedStream:
    return make_stream(ministack)


def test_consumers_join_and_leave_under_load_and_every_record_is_answered_exactly_once(stream):
    a = stream.join()
    with stream.load():
        wait_until(lambda: a.held() == 8)
        b = stream.join()
        wait_until(lambda: (a.held(), b.held()) == (4, 4))
        c = stream.join()
        wait_until(lambda: sorted([a.held(), b.held(), c.held()]) == [2, 3, 3])
        a.signal(signal.SIGTERM)
        assert a.process.wait(PATIENCE_SECONDS) == 0
        assert {lease.owner for lease in stream.leases.leases(f"{stream.name}-predictions").values()}.isdisjoint({"c0"})
        wait_until(lambda: (b.held(), c.held()) == (4, 4))
    stream.check_all_is_stored_once()
    assert len(stream.answers()) == stream.sent, "nobody answered what another had answered"
    assert b.metric("consumer_leases_lost") == c.metric("consumer_leases_lost") == 0


def test_when_one_of_two_is_killed_the_other_takes_over_and_nothing_is_lost_or_stored_twice(stream):
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    with stream.load():
        wait_until(lambda: stream.stored() > 200)
        b.process.kill()
        killed_at = time.monotonic()
        wait_until(lambda: a.held() == 8)
        print(f"taken over {time.monotonic() - killed_at:.2f} s after the kill, with leases of {LEASE_SECONDS} s")
        wait_until(lambda: a.metric("consumer_shards_without_owner") == 0)
        assert a.metric("consumer_consumers_alive") == 1
    stream.check_all_is_stored_once()


def test_a_consumer_paused_past_its_lease_moves_nothing_back_and_comes_to_a_share_again(stream):
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    with stream.load():
        wait_until(lambda: stream.stored() > 200)
        b.signal(signal.SIGSTOP)
        wait_until(lambda: a.held() == 8)
        wait_until(lambda: len(set(stream.answers())) >= stream.sent - 100)
        before = stream.leases.leases(f"{stream.name}-predictions")
        b.signal(signal.SIGCONT)
        wait_until(lambda: (a.held(), b.held()) == (4, 4))
    after = stream.leases.leases(f"{stream.name}-predictions")
    stream.check_all_is_stored_once()
    assert b.metric("consumer_leases_lost") >= 4
    for shard, lease in before.items():
        assert int(lease.position["sequence_number"]) <= int(after[shard].position["sequence_number"])


@pytest.mark.parametrize("emulator", ["ministack", "moto"])
def test_two_consumers_follow_a_reshard(make_stream, emulator, request):
    stream = make_stream(request.getfixturevalue(emulator))
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    stream.put(300)
    wait_until(lambda: len(stream.answers()) == 300)
    stream.ids()  # ministack forgets the records of a shard that is split or merged
    client = boto3.client("kinesis", endpoint_url=stream.aws_url, region_name=REGION)
    name, (first, second, third, *_) = f"{stream.name}-predictions", [f"shardId-{at:012d}" for at in range(8)]
    client.split_shard(StreamName=name, ShardToSplit=first, NewStartingHashKey=str(2**128 // 32))
    client.merge_shards(StreamName=name, ShardToMerge=second, AdjacentShardToMerge=third)
    stream.put(300)
    stream.check_all_is_stored_once()

    def owners() -> list[str | None]:
        leases = stream.leases.leases(name)
        return [
            leases[shard].owner if shard in leases else None for shard in (f"shardId-{at:012d}" for at in range(11))
        ]

    # Three of eight are closed, and three are new.
    wait_until(lambda: owners()[:3] == [None] * 3 and sorted(owners()[3:]) == ["c0"] * 4 + ["c1"] * 4)


def test_a_second_consumer_of_one_name_ends_the_first_with_the_reason(stream):
    first = stream.join()
    wait_until(lambda: first.held() == 8)
    stream.consumers.clear()  # so that the next one gets the same name
    second = stream.join()
    assert first.process.wait(PATIENCE_SECONDS) == 1
    assert "CONSUMER_NAME" in first.log.read_text()
    wait_until(lambda: second.held() == 8)
