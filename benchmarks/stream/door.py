"""One emulator and one store, the streams on them, and consumers that are started, stopped and asked what they did."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from benchmarks.load.processes import tree, usage
from benchmarks.model import RUN_ID
from embedded.environment import process_environ
from embedded.layout import Layout
from embedded.services.service import Service, free_port
from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin
from tabular.model.bundle import Bundle

REGION = "us-east-1"
RESULTS, OTHER = "results", "other"
ANSWERED = 'consumer_records_total{outcome="served"}'
PROBE_SECONDS = 0.05
WAIT_SECONDS = 300.0


@dataclass
class Consumers:
    """Running consumers of one stream, by process and page of metrics."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def answered(self) -> float:
        """How many records they have answered, by their own metrics: asking the store would slow it down."""
        return sum(metric(url, ANSWERED) for url in self.urls)

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(number)

    def cpu_seconds(self) -> float:
        return sum(usage(tree(process.pid)).cpu_seconds for process in self.processes)


class Door:
    """The streams and consumers around one emulator and one store."""

    def __init__(self, layout: Layout, bundle: Bundle, bodies: list[bytes], records: int) -> None:
        self.bundle, self.bodies, self.records = bundle, bodies, records
        self.url = f"http://127.0.0.1:{layout.ports.emulator}"
        self.mongo = process_environ(layout, {})["MONGO_URI"]  # as embedded mode has it
        self.client: Any = boto3.client("kinesis", endpoint_url=self.url, region_name=REGION)
        self._layout, self._made = layout, 0
        for name in (RESULTS, "dead-letters", OTHER):
            StreamAdmin(self.url, REGION).ensure(name, 2)

    def stream(self, shards: int) -> str:
        """A new stream."""
        self._made += 1
        name = f"stream-{self._made}"
        StreamAdmin(self.url, REGION).ensure(name, shards)
        return name

    def put(self, stream: str) -> None:
        """A backlog."""
        keyed = [(f"key-{at}", self.bodies[at % len(self.bodies)]) for at in range(self.records)]
        KinesisStream(stream, self.url, REGION).put(keyed)

    def catch_up(self, consumers: Consumers, stream: str) -> tuple[float, float]:
        """Seconds, and the consumers' CPU seconds, for a backlog that was put while they were stopped."""
        wanted = consumers.answered() + self.records
        consumers.signal(signal.SIGSTOP)
        self.put(stream)
        started, cpu = time.perf_counter(), consumers.cpu_seconds()
        consumers.signal(signal.SIGCONT)
        while consumers.answered() < wanted:
            if time.perf_counter() - started > WAIT_SECONDS:
                raise SystemExit(f"the consumers have not read a backlog of {self.records} in {WAIT_SECONDS:g} s")
            time.sleep(PROBE_SECONDS)
        return time.perf_counter() - started, consumers.cpu_seconds() - cpu

    @contextmanager
    def consumers(self, stream: str, count: int) -> Iterator[Consumers]:
        """Consumers that have shared the stream's shards out among them."""
        with ExitStack() as stack:
            found = Consumers()
            for number in range(count):
                service = self._consumer(stream, number)
                found.processes.append(stack.enter_context(service.running(self._layout.logs / "consumer.log")))
                found.urls.append(str(service.ready_url))
            wanted = min(count, len(self.client.list_shards(StreamName=stream)["Shards"]))
            while sum(metric(url, "consumer_leases_held") > 0 for url in found.urls) < wanted:
                time.sleep(PROBE_SECONDS)
            yield found

    def _consumer(self, stream: str, number: int) -> Service:
        port = free_port()
        environ = {
            "RUN_ID": RUN_ID,
            "STATE_DIR": str(self._layout.state),
            "AWS_ENDPOINT_URL": self.url,
            "MONGO_URI": self.mongo,
            "STREAM_PREDICTIONS": stream,
            "CONSUMER_NAME": f"c{number}",
            "CONSUMER_METRICS_PORT": str(port),
            "LEASE_SECONDS": "3600",  # they are stopped while a backlog is put
        }
        command = (sys.executable, "-m", "server.stream.consumer")
        return Service("consumer", command, ready_url=f"http://127.0.0.1:{port}/metrics", environ=environ)


def metric(url: str, name: str) -> float:
    """A figure of a page of metrics."""
    with urllib.request.urlopen(url) as page:
        lines = page.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))
