"""The stream door: its own cost a record, where the rest of the time goes, its growth, and put-to-result latency.

    python -m benchmarks.stream [--records 4000] [--rounds 3] [--seconds 8]

Everything runs on free ports and in a temporary folder: an emulator, a store and consumer processes. A backlog is put
while the consumers are stopped; the clock runs from when they go on to the last record's checkpoint. "The emulator
alone" is the same reading and writing in one process that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import msgspec

from benchmarks import model
from benchmarks.figures import at_least, at_most, goals
from benchmarks.results import save
from benchmarks.stream import backlog, growth, latency, own, shares
from benchmarks.stream.door import Door
from embedded.layout import Layout, Ports
from embedded.services import backends
from embedded.services.service import free_port


def main() -> None:
    """Measure one thing after another, print the tables, leave the result."""
    given = parse()
    os.environ.update(backends.AWS_ENVIRON)
    with tempfile.TemporaryDirectory(prefix="bench-stream-", ignore_cleanup_errors=True) as folder:
        layout = Layout(Path(folder), Ports(**{name: free_port() for name in Ports.__dataclass_fields__}))
        made = model.make(layout.state)
        bodies = [msgspec.json.encode(record) for record in made.records[:2_000]]
        parts = own.cost(made.bundle, bodies)
        emulator, store = backends.emulator(layout), backends.store(layout)
        with emulator.running(layout.logs / "emulator.log"), store.running(layout.logs / "store.log"):
            door = Door(layout, made.bundle, bodies, given.records)
            found = shares.measure(door)
            rounds = backlog.measure(door, given.rounds)
            grown = growth.measure(door, given.shards, given.rounds)
            late = {rate: latency.measure(door, rate, given.seconds) for rate in given.rates}
    tables = [own.table(parts), shares.table(found), backlog.table(rounds), growth.table(grown), latency.table(late)]
    met = goals(
        at_most("own cost in the consumer's loop, us a record", found.own_us, 40),
        at_least("end to end over the emulator alone", rounds.over("emulator"), 0.8),
        at_most("put to result at 100 records/s, p99 s", late[100]["p99"] / 1e3 if 100 in late else None, 1),
    )
    save("stream", *tables, *met)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--shards", type=int, nargs="+", default=(1, 2, 4, 8))
    parser.add_argument("--rates", type=int, nargs="*", default=(10, 100, 1_000))
    return parser.parse_args()


if __name__ == "__main__":
    main()
