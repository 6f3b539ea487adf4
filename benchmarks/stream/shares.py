"""Where a record's time goes: the consumer's loop in this process, its ports clocked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Row
from benchmarks.model import RUN_ID
from benchmarks.results import Table
from benchmarks.stream.door import REGION, RESULTS, Door
from benchmarks.stream.own import BATCH_RECORDS
from server.scoring.model import ready_model
from server.stream.leases import Leases
from server.stream.loop import Sinks, StreamLoop
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import ShardReader
from tabular.adapters.kinesis.shards import KinesisShards
from tabular.adapters.kinesis.streams import KinesisStream
from tabular.adapters.mongo.leases import MongoLeases
from tabular.adapters.mongo.predictions import MongoPredictions

LEASE_SECONDS = 3_600.0


class Timed:
    """Passes a port's calls on and adds up how long they took, and how much of that was this thread's own work."""

    def __init__(self, port: Any, timed: str) -> None:
        self._port, self._timed = port, timed
        self.wall_seconds = self.cpu_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return self._clocked(call) if name == self._timed else call

    def _clocked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments)
            finally:
                self.wall_seconds += time.perf_counter() - wall
                self.cpu_seconds += time.thread_time() - cpu

        return clocked


class Enough(threading.Event):
    """Set as soon as so many records are answered."""

    def __init__(self, metrics: StreamMetrics, records: int) -> None:
        super().__init__()
        self._metrics, self._records = metrics, records

    def is_set(self) -> bool:
        answered = self._metrics.registry.get_sample_value("consumer_records_total", {"outcome": "served"})
        return (answered or 0) >= self._records


@dataclass(frozen=True)
class Shares:
    """Microseconds a record: all, our own work, and by port what its library works and what it waits."""

    all_us: float
    own_us: float
    ports_us: dict[str, tuple[float, float]]


def measure(door: Door) -> Shares:
    """A backlog on two shards through the loop, in this thread."""
    stream = door.stream(2)
    door.put(stream)
    shards = Timed(KinesisShards(stream, door.url, REGION), "read")
    store = Timed(MongoPredictions(door.mongo, "shares"), "save")
    out = Timed(KinesisStream(RESULTS, door.url, REGION), "put")
    lease_store = MongoLeases(door.mongo, "shares", "t")
    leases = Leases(lease_store, stream, "bench", LEASE_SECONDS)
    keeper, metrics = Timed(leases, "save"), StreamMetrics()
    reader, model = ShardReader(shards, load=leases.saved, acquire=leases.acquire), ready_model(RUN_ID, door.bundle)
    loop = StreamLoop(reader, keeper, lambda: model, Sinks(store, out, out), metrics, BATCH_RECORDS)
    reader.poll(0)  # take the leases
    wall, cpu = time.perf_counter(), time.thread_time()
    loop.run(0.0, Enough(metrics, door.records))
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    lease_store.close()
    ports = {"get_records": shards, "insert_many": store, "put_records": out, "checkpoint": keeper}
    each = 1e6 / door.records
    spent = {
        name: (each * port.cpu_seconds, each * (port.wall_seconds - port.cpu_seconds)) for name, port in ports.items()
    }
    return Shares(each * wall, each * cpu - sum(own for own, _ in spent.values()), spent)


def table(found: Shares) -> Table:
    """Microseconds a record, and shares of the whole."""
    parts = {"own": found.own_us}
    for name, (own, waiting) in found.ports_us.items():
        parts |= {f"{name}: the vendor's library": own, f"{name}: waiting": waiting}
    parts["all"] = found.all_us
    rows: list[Row] = [
        {"part": name, "us a record": value, "share": f"{value / found.all_us:.1%}"} for name, value in parts.items()
    ]
    notes = (
        "The consumer's loop in one process over a backlog on two shards; emulator and store run beside it. `own` is "
        "decoding, scoring, ids, results and the loop itself."
    )
    return Table("Where a record's time goes", rows, notes, bars=("part", "us a record"))
