"""From the moment a record is due to its result read from the results stream, at fixed rates."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import numpy as np

from benchmarks.harness.figures import Figures, Row
from benchmarks.harness.results import Table
from benchmarks.stream.consumers import RESULTS, WAIT_SECONDS, Streams
from server.stream.shard_reader import ShardReader

PAGE_RECORDS = 10_000


def measure(streams: Streams, rate: int, seconds: int) -> Figures:
    """Milliseconds; what is due at once is put in one call."""
    stream, wanted = streams.new(2), rate * seconds
    reader = ShardReader(streams.wiring.shards(RESULTS), load=lambda _: None)
    while reader.poll(PAGE_RECORDS).records:
        pass
    took: list[float] = []
    with streams.consumers(stream, 2, 1):
        started = time.perf_counter()
        sender = threading.Thread(target=_send, args=(streams, stream, started, rate, seconds))
        sender.start()
        while len(took) < wanted and time.perf_counter() - started < WAIT_SECONDS:
            at_once = [int(record.partition_key) for record in reader.poll(PAGE_RECORDS).records]
            took += [time.perf_counter() - started - at / rate for at in at_once]
            time.sleep(0.01)
        sender.join()
    if len(took) < wanted:
        raise SystemExit(f"of {wanted} records at {rate}/s {wanted - len(took)} have no result")
    p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "max": 1000 * max(took)}


def table(found: Mapping[int, Figures]) -> Table:
    """Milliseconds by rate."""
    rows: list[Row] = [
        {"records/s": rate, **{f"{name} ms": value for name, value in figures.items()}}
        for rate, figures in found.items()
    ]
    notes = "One consumer, two shards. The consumer rests up to 0.25 s between polls: five reads a second and shard."
    return Table("Put to result", rows, notes)


def _send(streams: Streams, stream: str, started: float, rate: int, seconds: int) -> None:
    target, sent = streams.wiring.stream(stream), 0
    while sent < rate * seconds:
        due = min(int((time.perf_counter() - started) * rate) + 1, rate * seconds)
        target.put([(str(at), streams.bodies[at % len(streams.bodies)]) for at in range(sent, due)])
        sent = due
        time.sleep(max(0.0, min(sent / rate - (time.perf_counter() - started), 0.1)))
