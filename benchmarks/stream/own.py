"""The parts of the consumer's work that are ours, each alone, in batches of 500."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.figures import Row
from benchmarks.model import RUN_ID
from benchmarks.results import Table
from server.scoring.model import ready_model
from server.stream.batch import predict, results
from tabular.encoding.columns import columns_of
from tabular.model.bundle import Bundle
from tabular.ports.streams import StreamRecord

BATCH_RECORDS, TIMES = 500, 30
Work = Callable[[], object]


def cost(bundle: Bundle, bodies: list[bytes]) -> dict[str, float]:
    """Microseconds a record of each part."""
    model, now = ready_model(RUN_ID, bundle), datetime.now(UTC)
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
    return {name: 1e6 * best(work) / BATCH_RECORDS for name, work in parts.items()}


def best(work: Work) -> float:
    """The least seconds of many times."""
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def table(parts: dict[str, float]) -> Table:
    """Microseconds a record."""
    rows: list[Row] = [{"part": name, "us a record": value} for name, value in parts.items()]
    return Table("Our own parts alone", rows, f"Batches of {BATCH_RECORDS}, the best of {TIMES}.")
