"""How fast stored predictions are scored in the shadow: the service's own code, one thread, on the embedded store."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from benchmarks.harness.figures import Row, at_least
from benchmarks.harness.model import make
from benchmarks.harness.results import Table
from benchmarks.harness.stack import free_layout
from embedded.services import backends
from server.scoring.model import Model, ready_model
from server.shadow.follower import READ_AGAIN_AFTER, Follower, beginning
from tabular.predictions.prediction import Prediction, new_ids
from tabular.settings import Settings
from tabular.wiring import Wiring

BATCH = 1_000
WANTED_PER_SECOND = 1_000


def tables(predictions: int) -> list[Table]:
    """Fill a store, and let the shadow go through it: first all of it, then what the second reading costs."""
    with tempfile.TemporaryDirectory() as folder:
        layout = free_layout(Path(folder))
        store = backends.store(layout)
        with store.running(layout.logs / "store.log"):
            wiring = Wiring(Settings(mongo_uri=f"mongodb://127.0.0.1:{layout.ports.store}/?w=1&journal=false"))
            made = make(Path(folder))
            begin = datetime.now(UTC) - timedelta(hours=2)
            _fill(wiring, ready_model("champion", made.bundle), made.records, begin, predictions)
            rows = _followed(wiring, ready_model("challenger", made.bundle), begin, predictions)
    per_second = min(float(row["predictions/s"] or 0) for row in rows)
    notes = "Read from the store, scored, and written into it; the store is a process of its own, on the same cores."
    return [
        Table("How fast the shadow scores", rows, notes),
        Table("The goal of the shadow", at_least("predictions a second", per_second, WANTED_PER_SECOND)),
    ]


def _fill(wiring: Wiring, model: Model, records: list[dict[str, object]], begin: datetime, count: int) -> None:
    store = wiring.predictions()
    for at in range(0, count, BATCH):
        store.save(list(_made(model, records, begin, at, min(at + BATCH, count))))
    store.close()


def _made(
    model: Model, records: list[dict[str, object]], begin: datetime, first: int, end: int
) -> Iterator[Prediction]:
    rows = [model.bundle.codec.parse(records[at % len(records)]) for at in range(first, end)]
    for at, one in enumerate(model.rows(rows, new_ids(end - first), "api"), first):
        yield msgspec.structs.replace(one, made_at=begin + timedelta(milliseconds=at))


def _followed(wiring: Wiring, model: Model, begin: datetime, count: int) -> list[Row]:
    store, scored = wiring.shadow(), [0]

    def counted(new: int, _: int) -> None:
        scored[0] += new

    follower = Follower(store, model, beginning(model.table, model.run_id, begin), counted)
    before = begin + timedelta(milliseconds=count) + timedelta(seconds=3)
    rows = [_timed("scored for the first time", follower, before, count)]
    if scored[0] != count:
        raise SystemExit(f"{scored[0]} of {count} predictions were scored")
    rows.append(_timed("read a second time", follower, before + READ_AGAIN_AFTER, count))
    store.close()
    return rows


def _timed(what: str, follower: Follower, now: datetime, count: int) -> Row:
    began, used = time.perf_counter(), _cpu_seconds()
    while follower.step(now):
        pass
    wall, used = time.perf_counter() - began, _cpu_seconds() - used
    return {
        "predictions": what,
        "of them": count,
        "predictions/s": count / wall,
        "CPU, µs a prediction": used / count * 1e6,
        "share of a core at 1,000 a second": used / count * WANTED_PER_SECOND,
    }


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
