"""One emulator and one store, the streams on them, and consumers that are started, stopped and measured."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.harness import stack
from benchmarks.harness.model import RUN_ID, Made
from benchmarks.harness.processes import tree, usage
from embedded.environment import process_environ
from embedded.layout import Layout
from tabular.settings import load_settings
from tabular.wiring import Wiring

RESULTS, OTHER = "results", "other"
SERVED = 'consumer_records_total{outcome="served"'
PROBE_SECONDS = 0.2  # a page of metrics costs the consumer milliseconds
WAIT_SECONDS = 300.0


@dataclass
class Consumers:
    """Running consumers of one stream, by process and page of metrics."""

    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def served(self) -> float:
        """How many records they have dealt with, by their own metrics: asking the store would slow it down."""
        return sum(metric(url, SERVED) for url in self.urls)

    def last_checkpoint(self) -> float:
        """When the last of them saved one, in seconds of the epoch."""
        return max(metric(url, "consumer_last_checkpoint_timestamp_seconds") for url in self.urls)

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(number)

    def cpu_seconds(self) -> float:
        return sum(usage(tree(process.pid)).cpu_seconds for process in self.processes)


class Streams:
    """The streams around one emulator and one store, and how to start their consumers."""

    def __init__(self, layout: Layout, made: Made, bodies: list[bytes], records: int) -> None:
        self.made, self.bodies, self.records = made, bodies, records
        self._layout, self._count = layout, 0
        # Heartbeats stop while a backlog is put, for then the consumers are stopped.
        self._environ = process_environ(layout, {"RUN_ID": RUN_ID, "LEASE_SECONDS": "3600", "STREAM_RESULTS": RESULTS})
        self.wiring = Wiring(load_settings(self._environ), made.bundle.contract)
        for name in (RESULTS, self.wiring.settings.stream_dead_letters, OTHER):
            self.wiring.stream_admin().ensure(name, 2)

    def new(self, shards: int) -> str:
        """The name of a new stream."""
        self._count += 1
        name = f"stream-{self._count}"
        self.wiring.stream_admin().ensure(name, shards)
        return name

    def put(self, stream: str) -> None:
        """A backlog."""
        keyed = [(f"key-{at}", self.bodies[at % len(self.bodies)]) for at in range(self.records)]
        self.wiring.stream(stream).put(keyed)

    def catch_up(self, consumers: Consumers, stream: str) -> tuple[float, float]:
        """Seconds, and the consumers' CPU seconds, for a backlog that was put while they were stopped."""
        wanted = consumers.served() + self.records
        consumers.signal(signal.SIGSTOP)
        self.put(stream)
        started, cpu = time.time(), consumers.cpu_seconds()
        consumers.signal(signal.SIGCONT)
        while consumers.served() < wanted:
            if time.time() - started > WAIT_SECONDS:
                raise SystemExit(f"the consumers have not read a backlog of {self.records} in {WAIT_SECONDS:g} s")
            time.sleep(PROBE_SECONDS)
        return consumers.last_checkpoint() - started, consumers.cpu_seconds() - cpu

    @contextmanager
    def consumers(self, stream: str, shards: int, count: int) -> Iterator[Consumers]:
        """Consumers that have shared the stream's shards out among them."""
        with ExitStack() as started:
            found = Consumers()
            for number in range(count):
                environ = {**self._environ, "STREAM_PREDICTIONS": stream, "CONSUMER_NAME": f"c{number}"}
                service = stack.consumer(self._layout.state, **environ)
                found.processes.append(started.enter_context(service.running(self._layout.logs / "consumer.log")))
                found.urls.append(str(service.ready_url))
            while sum(metric(url, "consumer_leases_held") > 0 for url in found.urls) < min(count, shards):
                time.sleep(PROBE_SECONDS)
            yield found


def metric(url: str, name: str) -> float:
    """A figure of a page of metrics."""
    with urllib.request.urlopen(url) as page:
        lines = page.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))
