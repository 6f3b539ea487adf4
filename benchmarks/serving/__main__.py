"""The API next to the limits of its own worker, to XGBoost alone, and to itself at fixed rates.

    python -m benchmarks.serving [--rounds 3] [--seconds 4] [--no-store] [--sync full] [--only mixed]

All servers run at once and are loaded in turn, round by round, so that a slow minute of the machine slows each; the
tables show medians and ratios. Predictions go through the outbox to a real store, as in service, which takes CPU from
all: `--no-store` shows the API alone. `--only mixed` measures single rows beside batches and nothing else, `--only
explaining` what explanations cost rows that are not explained, `--only shadowed` what a shadow and labels cost. Needs
`wrk`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import model
from benchmarks.harness.arguments import arguments
from benchmarks.harness.results import save, show
from benchmarks.harness.stack import free_layout
from benchmarks.serving import explaining, mixed, report, shadowed
from benchmarks.serving.measure import batches, singles
from benchmarks.serving.servers import API, WITHOUT_EXPLAIN, running, starts

STARTS = 3


def main() -> None:
    """Run the rounds, print the tables, leave the result."""
    given = arguments(
        {"sync": ("normal", "full"), "only": ("", "mixed", "explaining", "shadowed")},
        rounds=3,
        seconds=4,
        rates=(100, 300, 600),
        workers=2,
        threads=1,
        sync="normal",
        no_store=False,
        only="",
    )
    with tempfile.TemporaryDirectory(prefix="bench-serving-", ignore_cleanup_errors=True) as name:
        folder, layout = Path(name), free_layout(Path(name))
        made = model.make(folder)
        if given.only == "shadowed":
            show(shadowed.table(shadowed.rounds_of(folder, made, given.rounds, given.seconds)))
            return
        with running(layout, given) as servers:
            loads = folder, made.records, given.rounds, given.seconds
            if given.only == "mixed":
                show(mixed.table(mixed.mixed(servers[0], *loads)))
                return
            plain = [server for server in servers if server.name in {API, WITHOUT_EXPLAIN}]
            if given.only == "explaining":
                show(explaining.table(explaining.rounds_of(plain, *loads)))
                return
            full, paced = singles(servers[:3], folder, made.records, given.rates, given.rounds, given.seconds)
            # Before the batches, whose millions of rows fill the outbox: then the API rejects what it is compared by.
            unexplained = explaining.rounds_of(plain, *loads)
            found = batches(servers, folder, made, given.rounds, given.seconds, given.workers)
            beside = mixed.mixed(servers[0], *loads)
        start = starts(layout, given, STARTS)
        followed = shadowed.rounds_of(folder, made, given.rounds, given.seconds)
    store = "no store" if given.no_store else "predictions relayed to the store meanwhile"
    setting = f"{given.workers} workers, outbox_sync {given.sync}, {store}."
    single = [report.full(full, setting), report.paced(paced)]
    goals = report.met(
        full, found, start, given.workers, [*mixed.met(beside), *explaining.met(unexplained), *shadowed.met(followed)]
    )
    tables = report.batches(found, given.workers), mixed.table(beside), explaining.table(unexplained)
    tables = *tables, shadowed.table(followed)
    save("serving", *single, *tables, *goals)


if __name__ == "__main__":
    main()
