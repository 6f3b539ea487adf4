"""One consumer as a real process, its streams and its store; and what is sent to it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import stack
from embedded.services.service import free_port
from server.stream.shard_reader import ShardReader
from tabular.encoding.row import RowCodec, matrix
from tabular.model.bundle import Bundle
from tabular.ports.streams import StreamRecord
from tabular.settings import Settings
from tabular.wiring import Wiring

REGION = "us-east-1"
RUN_ID = "a" * 32
TABLE = "credit_card_churn"


def metric_of(url: str, name: str) -> float:
    """The first value of that name on a page of metrics."""
    with urllib.request.urlopen(url, timeout=10) as page:
        lines = page.read().decode().splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@dataclass
class StreamSetup:
    """What consumers run on: four streams, a database and a state folder of their own."""

    aws_url: str
    mongo_uri: str
    state: Path
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")

    @property
    def wiring(self) -> Wiring:
        settings = Settings(
            aws_endpoint_url=self.aws_url, aws_region=REGION, mongo_uri=self.mongo_uri, mongo_database=self.name
        )
        return Wiring(settings)

    def ensure_streams(self, shards: int) -> None:
        for stream in ("predictions", "results", "dead", "labels"):
            self.wiring.stream_admin().ensure(f"{self.name}-{stream}", shards)

    def environ(self, **more: str) -> dict[str, str]:
        return os.environ | {
            "RUN_ID": RUN_ID,
            "STATE_DIR": str(self.state),
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "MONGO_URI": self.mongo_uri,
            "MONGO_DATABASE": self.name,
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",  # unreachable: the local copy must do
            "STREAM_PREDICTIONS": f"{self.name}-predictions",
            "STREAM_RESULTS": f"{self.name}-results",
            "STREAM_DEAD_LETTERS": f"{self.name}-dead",
            "STREAM_LABELS": f"{self.name}-labels",
            **more,
        }

    def reader(self, stream: str) -> ShardReader:
        return ShardReader(self.wiring.shards(f"{self.name}-{stream}"), load=lambda _: None)


@dataclass
class ConsumerProcess(StreamSetup):
    """One consumer, started as often as a test wants it."""

    batch_records: int = 500
    url: str = ""
    readers: dict[str, ShardReader] = field(default_factory=dict)
    found: dict[str, list[StreamRecord]] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = self.wiring.predictions()
        self.ensure_streams(2)

    def start(self) -> subprocess.Popen[bytes]:
        batch = str(self.batch_records)
        given = {"CONSUMER_NAME": self.name, "CONSUMER_BATCH_RECORDS": batch, "CONSUMER_POLL_SECONDS": "0.05"}
        service, log = stack.consumer(self.state, **self.environ(**given)), self.state / "consumer.log"
        self.url = str(service.ready_url)
        self.started.append(service.start(log))
        service.wait_ready(self.started[-1], log)
        return self.started[-1]

    def put(self, bodies: list[bytes]) -> None:
        keyed = [(f"key-{at}", body) for at, body in enumerate(bodies)]
        self.wiring.stream(f"{self.name}-predictions").put(keyed)

    def read(self, stream: str) -> list[StreamRecord]:
        """Everything on the stream so far."""
        reader, found = self.readers.setdefault(stream, self.reader(stream)), self.found.setdefault(stream, [])
        while page := reader.poll(10_000).records:
            found += page
        return found

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(record.data) for record in self.read("results")]

    def dead_letters(self) -> list[dict[str, Any]]:
        return [json.loads(record.data) for record in self.read("dead")]

    def stored(self) -> int:
        return self.store.count_by_source().get((TABLE, "stream"), 0)

    def metric(self, name: str) -> float:
        return metric_of(self.url, name)

    def served(self) -> float:
        """How many records have been dealt with, checkpoint and all."""
        return self.metric('consumer_records_total{outcome="served"')

    def failures(self, step: str) -> float:
        return self.metric(f'consumer_failures_total{{step="{step}"')


def bodies(bundle: Bundle, count: int) -> list[bytes]:
    records = [golden.record for golden in bundle.golden]
    return [json.dumps(records[at % len(records)]).encode() for at in range(count)]


def scores(bundle: Bundle, sent: list[bytes]) -> list[float]:
    codec = RowCodec(bundle.contract)
    return bundle.predict(matrix([codec.decode(body) for body in sent])).tolist()
