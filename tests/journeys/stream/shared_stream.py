"""A stream of eight shards, a store, and consumer processes that share it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import stack
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import id_from_stream
from tests.journeys.stream.consumer_process import TABLE, StreamSetup, metric_of

SHARDS = 8
WAITING_RECORDS = 2_000
"""As many as come in while a lease runs out, and no more than a busy machine works off within a test's wait."""
LEASE_SECONDS = 4.0


@dataclass
class Consumer:
    """One consumer process and the page of its metrics."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def metric(self, name: str) -> float:
        return metric_of(self.url, name)

    def held(self) -> float:
        return self.metric("consumer_leases_held")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass
class SharedStream(StreamSetup):
    """A stream of eight shards, a store, and the consumers that share it."""

    bodies: list[bytes] = field(default_factory=list)
    started: list[Consumer] = field(default_factory=list)
    sent: int = 0
    records: dict[str, StreamRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ensure_streams(SHARDS)
        self.store, self.leases = self.wiring.predictions(), self.wiring.leases()
        self._source, self._results = self.reader("predictions"), self.reader("results")
        self._found_results: list[str] = []

    def join(self, name: str = "") -> Consumer:
        name = name or f"c{len(self.started)}"
        given = {"CONSUMER_NAME": name, "CONSUMER_POLL_SECONDS": "0.1", "CONSUMER_BATCH_RECORDS": "40"}
        environ = self.environ(**given, LEASE_SECONDS=str(LEASE_SECONDS))
        service, log = stack.consumer(self.state, **environ), self.state / f"{name}.log"
        consumer = Consumer(service.start(log), str(service.ready_url), log)
        self.started.append(consumer)
        service.wait_ready(consumer.process, log)
        return consumer

    def put(self, count: int) -> None:
        stream = self.wiring.stream(f"{self.name}-predictions")
        keyed = [(f"key-{at}", self.bodies[at % len(self.bodies)]) for at in range(self.sent, self.sent + count)]
        stream.put(keyed)
        self.sent += count

    @contextmanager
    def load(self) -> Iterator[None]:
        """Records all the time, a few hundred a second, as long as not too many wait."""
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(0.1):
                if self.sent - self.stored() < WAITING_RECORDS:
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
        return self.store.count_by_source().get((TABLE, "stream"), 0)

    def results(self) -> list[str]:
        """The ids on the results stream so far, one that came twice twice."""
        while page := self._results.poll(10_000).records:
            self._found_results += [json.loads(record.data)["prediction_id"] for record in page]
        return self._found_results
