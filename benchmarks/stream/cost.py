"""What a record costs: the parts of the consumer's work that are ours, and where the rest of its time goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.harness.figures import Row
from benchmarks.harness.model import RUN_ID, Made
from benchmarks.harness.results import Table
from benchmarks.stream.consumers import Streams
from benchmarks.stream.plain import BATCH_RECORDS
from server.scoring.model import ready_model
from server.stream.batch import predict, results
from server.stream.leases import Leases
from server.stream.loop import Sinks, StreamLoop
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import ShardReader
from tabular.encoding.columns import columns_of
from tabular.ports.streams import StreamRecord

TIMES = 30
Work = Callable[[], object]


def own(made: Made, bodies: list[bytes]) -> dict[str, float]:
    """Microseconds a record of each part of ours, alone."""
    bundle, now = made.bundle, datetime.now(UTC)
    model = ready_model(RUN_ID, bundle)
    batch = [
        StreamRecord("s@1", "shardId-000000000000", f"{at:056d}", f"key-{at}", body, now)
        for at, body in enumerate(bodies[:BATCH_RECORDS])
    ]
    rows = [bundle.codec.decode(record.data) for record in batch]
    ids = [record.sequence_number for record in batch]
    outcome = predict(model, batch)
    parts: dict[str, Work] = {
        "decode and check": lambda: [bundle.codec.decode(record.data) for record in batch],
        "score and describe": lambda: list(model.many(columns_of(rows), ids, "stream")),
        "both, with ids": lambda: predict(model, batch),
        "encode results": lambda: results(outcome),
    }
    return {name: 1e6 * _least_seconds(work) / BATCH_RECORDS for name, work in parts.items()}


def _least_seconds(work: Work) -> float:
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def own_table(parts: Mapping[str, float]) -> Table:
    """Microseconds a record."""
    rows: list[Row] = [{"part": name, "us a record": value} for name, value in parts.items()]
    return Table("Our own parts alone", rows, f"Batches of {BATCH_RECORDS}, the best of {TIMES}.")


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
    """Set as soon as so many records have been dealt with."""

    def __init__(self, metrics: StreamMetrics, records: int) -> None:
        super().__init__()
        self._metrics, self._records = metrics, records

    def is_set(self) -> bool:
        served = self._metrics.registry.get_sample_value("consumer_records_total", {"outcome": "served"})
        return (served or 0) >= self._records


@dataclass(frozen=True)
class Shares:
    """Microseconds a record: all, our own work, and by port what its library works and what it waits."""

    all_us: float
    own_us: float
    ports_us: dict[str, tuple[float, float]]


def shares(streams: Streams) -> Shares:
    """A backlog on two shards through the consumer's loop, in this thread, its ports clocked."""
    stream, wiring, metrics = streams.new(2), streams.wiring, StreamMetrics()
    streams.put(stream)
    shards, store = Timed(wiring.shards(stream), "read"), Timed(wiring.predictions(), "save")
    out = Timed(wiring.stream(wiring.settings.stream_results), "put")
    leases = Leases(wiring.leases(), stream, "bench", wiring.settings.lease_seconds)
    checkpointer, model = Timed(leases, "save"), ready_model(RUN_ID, streams.made.bundle)
    reader = ShardReader(shards, load=leases.saved, acquire=leases.acquire)
    loop = StreamLoop(reader, checkpointer, lambda: model, Sinks(store, out, out), metrics, BATCH_RECORDS)
    reader.poll(0)  # take the leases
    wall, cpu = time.perf_counter(), time.thread_time()
    loop.run(0.0, Enough(metrics, streams.records))
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    ports = {"get_records": shards, "insert_many": store, "put_records": out, "checkpoint": checkpointer}
    each = 1e6 / streams.records
    spent = {
        name: (each * port.cpu_seconds, each * (port.wall_seconds - port.cpu_seconds)) for name, port in ports.items()
    }
    return Shares(each * wall, each * cpu - sum(busy for busy, _ in spent.values()), spent)


def shares_table(found: Shares) -> Table:
    """Microseconds a record, and shares of the whole."""
    parts = {"own": found.own_us}
    for name, (busy, waiting) in found.ports_us.items():
        parts |= {f"{name}: the vendor's library": busy, f"{name}: waiting": waiting}
    parts["all"] = found.all_us
    rows: list[Row] = [
        {"part": name, "us a record": value, "share": f"{value / found.all_us:.1%}"} for name, value in parts.items()
    ]
    notes = (
        "The consumer's loop in one process over a backlog on two shards; emulator and store run beside it. `own` is "
        "decoding, scoring, ids, results and the loop itself."
    )
    return Table("Where a record's time goes", rows, notes, bars=("part", "us a record"))
