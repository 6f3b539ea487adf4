"""The stream consumer: its own cost a record, where the rest of the time goes, its growth, and put-to-result latency.

    python -m benchmarks.stream [--records 4000] [--rounds 3] [--seconds 8] [--shards 1 2 4 8] [--rates 10 100 1000]

Everything runs on free ports and in a temporary folder: an emulator, a store and consumer processes. A backlog is put
while the consumers are stopped; the clock runs from when they go on to the last record's checkpoint. "The emulator
alone" is the same reading and writing in one process that does nothing else.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from benchmarks.harness import model
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import at_least, at_most, goals
from benchmarks.harness.results import save
from benchmarks.harness.stack import free_layout
from benchmarks.stream import backlog, cost, latency
from benchmarks.stream.consumers import Streams
from embedded.services import backends


def main() -> None:
    """Measure one thing after another, print the tables, leave the result."""
    given = arguments(records=4_000, rounds=3, seconds=8, shards=(1, 2, 4, 8), rates=(10, 100, 1_000))
    os.environ.update(backends.AWS_ENVIRON)
    with tempfile.TemporaryDirectory(prefix="bench-stream-", ignore_cleanup_errors=True) as folder:
        layout = free_layout(Path(folder))
        made = model.make(layout.state)
        bodies = [msgspec.json.encode(record) for record in made.records[:2_000]]
        parts = cost.own(made, bodies)
        emulator, store = backends.emulator(layout), backends.store(layout)
        with emulator.running(layout.logs / "emulator.log"), store.running(layout.logs / "store.log"):
            streams = Streams(layout, made, bodies, given.records)
            found = cost.shares(streams)
            rounds = backlog.measure(streams, given.rounds)
            grown = backlog.growth(streams, given.shards, given.rounds)
            late = {rate: latency.measure(streams, rate, given.seconds) for rate in given.rates}
    met = goals(
        at_most("own cost in the consumer's loop, us a record", found.own_us, 40),
        at_least("end to end over a plain boto3 loop", rounds.over(backlog.BATCHES), 0.9),
        at_least("end to end over the emulator alone", rounds.over(backlog.EMULATOR), 0.8),
        at_most("put to result at 100 records/s, p99 s", late[100]["p99"] / 1e3 if 100 in late else None, 1),
    )
    costs = [cost.own_table(parts), cost.shares_table(found)]
    save("stream", *costs, backlog.table(rounds), backlog.growth_table(grown), latency.table(late), *met)


if __name__ == "__main__":
    main()
