"""Labels by business key, attached to stored predictions in the embedded store: how long so many take.

    python -m benchmarks.labels [--rows 1000000] [--labels 100000] [--predictions-a-key 1 3]

Each time the store is filled anew, and the labels are saved as the relay does, by the use-case of all sources; then
they are sent again, which changes nothing, and read in the order in which they were attached.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.harness import stack
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Row, at_most, goals
from benchmarks.harness.processes import tree, usage
from benchmarks.harness.results import Table, save
from benchmarks.labels import filling
from embedded.environment import process_environ
from embedded.services import backends
from tabular.predictions.label import Label
from tabular.settings import Settings
from tabular.wiring import Wiring

WINDOW_DAYS = 30.0
GOAL_SECONDS = 60.0
BULK = 1_000


@dataclass(frozen=True)
class Found:
    """Wall-clock seconds, and CPU seconds of the store."""

    seconds: float
    store_cpu_seconds: float


def main() -> None:
    """Attach labels to ever other stores, leave how long it took."""
    given = arguments(rows=1_000_000, labels=100_000, predictions_a_key=(1, 3))
    rows = [measured(given.rows, given.labels, each) for each in given.predictions_a_key]
    notes = (
        f"{given.rows:,} stored predictions, {given.labels:,} labels in bulks of {BULK:,}, each of another key. A "
        "label goes to every prediction of its key. Store CPU are the CPU seconds of the embedded store."
    )
    first = rows[0]["attached, s"]
    goal = at_most("seconds to attach, one prediction a key", first if isinstance(first, float) else None, GOAL_SECONDS)
    save("labels", Table("Labels by business key", rows, notes), *goals(goal))


def measured(rows: int, labels: int, predictions_a_key: int) -> Row:
    """One store: attached, sent again, read."""
    with tempfile.TemporaryDirectory(prefix="bench-labels-") as name:
        layout, keys = stack.free_layout(Path(name)), (rows - filling.SAVED_ROWS) // predictions_a_key
        service, uri = backends.store(layout), process_environ(layout, {})["MONGO_URI"]
        with service.running(Path(name) / "filling.log"):
            filling.save(uri, rows, keys)
        filling.write_into_the_file(layout.state / "store", rows, keys)
        with service.running(Path(name) / "store.log") as process:
            chosen = random.Random(0).sample(range(keys), min(labels, keys))
            told, wiring = labels_of(chosen), Wiring(Settings(mongo_uri=uri, mongo_database=filling.DATABASE))
            with closing(wiring.labels({filling.TABLE: WINDOW_DAYS})) as store:
                with timed(process.pid) as attached:
                    counts = [store.save(told[at : at + BULK]) for at in range(0, len(told), BULK)]
                with timed(process.pid) as repeated:
                    again = [store.save(told[at : at + BULK]) for at in range(0, len(told), BULK)]
            done, same = sum(each.attached for each in counts), sum(each.repeated for each in again)
            if (done, same) != (len(told), len(told)):
                raise SystemExit(f"of {len(told):,} labels {done:,} were attached and {same:,} repeated")
            with closing(wiring.predictions()) as reader, timed(process.pid) as read:
                reader.labelled_between(filling.NOW - timedelta(days=1), datetime.now(UTC), 10_000, "run")
    return {
        "predictions a key": predictions_a_key,
        "attached, s": attached[0].seconds,
        "store CPU, s": attached[0].store_cpu_seconds,
        "sent again, s": repeated[0].seconds,
        "a sample of at most 10,000 read, s": read[0].seconds,
    }


@contextmanager
def timed(pid: int) -> Iterator[list[Found]]:
    """How long the block takes, and what the store uses meanwhile, in the list once it is over."""
    found: list[Found] = []
    began, before = time.perf_counter(), usage(tree(pid)).cpu_seconds
    yield found
    found.append(Found(time.perf_counter() - began, usage(tree(pid)).cpu_seconds - before))


def labels_of(keys: list[int]) -> list[Label]:
    """A label a key, as they come from a stream."""
    return [
        Label(
            table=filling.TABLE, business_key=f"C-{key}", outcome="left", received_at=datetime.now(UTC), source="stream"
        )
        for key in keys
    ]


if __name__ == "__main__":
    main()
