"""One consumer as a real process, its streams and its store; and what is sent to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded.services.service import Service, free_port
from server.stream.shard_reader import ShardReader
from tabular.adapters.kinesis.shards import KinesisShards
from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin
from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.encoding.row import RowCodec, matrix
from tabular.model.bundle import Bundle
from tabular.ports.streams import StreamRecord

REGION = "us-east-1"
RUN_ID = "a" * 32
TABLE = "credit_card_churn"


def metric_of(url: str, name: str) -> float:
    """The first value of that name on a page of metrics."""
    with urllib.request.urlopen(url, timeout=10) as page:
        lines = page.read().decode().splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


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
            (sys.executable, "-m", "server.stream.consumer"),
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
        return self.store.count_by_source().get((TABLE, "stream"), 0)

    def metric(self, name: str) -> float:
        return metric_of(f"http://127.0.0.1:{self.port}/metrics", name)

    def answered(self) -> float:
        """How many records were answered, checkpoint and all."""
        return self.metric('consumer_records_total{outcome="served"}')

    def failures(self, step: str) -> float:
        return self.metric(f'consumer_failures_total{{step="{step}"}}')


def bodies(bundle: Bundle, count: int) -> list[bytes]:
    records = [golden.record for golden in bundle.golden]
    return [json.dumps(records[at % len(records)]).encode() for at in range(count)]


def scores(bundle: Bundle, sent: list[bytes]) -> list[float]:
    codec = RowCodec(bundle.contract)
    return bundle.predict(matrix([codec.decode(body) for body in sent])).tolist()
