"""The API next to the limits of its own worker, to XGBoost alone, and to itself at fixed rates.

    python -m benchmarks.serving [--rounds 3] [--seconds 4] [--no-store] [--sync full] [--only-mixed]

All servers run at once and are loaded in turn, round by round, so that a slow minute of the machine slows each; the
tables show medians and ratios. Predictions go through the outbox to a real store, as in service, which takes CPU from
everybody: `--no-store` shows the API alone. Needs `wrk`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import model
from benchmarks.results import save, show
from benchmarks.serving import mixed, report
from benchmarks.serving.measure import batches, singles
from benchmarks.serving.servers import running, starts
from embedded.services.service import free_port

STARTS = 3


def main() -> None:
    """Run the rounds, print the tables, leave the result."""
    given = parse()
    with tempfile.TemporaryDirectory(prefix="bench-serving-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        made = model.make(folder)
        with running(folder, given) as servers:
            if given.only_mixed:
                beside = mixed.mixed(servers[0], folder, made.records, given.rounds, given.seconds)
                show(mixed.table(beside))
                return
            full, paced = singles(servers, folder, made.records, given.rates, given.rounds, given.seconds)
            found = batches(servers, folder, made.records, made.bundle, given.rounds, given.seconds, given.workers)
            beside = mixed.mixed(servers[0], folder, made.records, given.rounds, given.seconds)
        start = starts(folder, given, STARTS)
    setting = (
        f"{given.workers} workers, outbox_sync {given.sync}, "
        f"{'no store' if given.no_store else 'store draining meanwhile'}."
    )
    tables = [
        report.full(full, setting),
        report.paced(paced),
        report.batches(found, given.workers),
        mixed.table(beside),
    ]
    save("serving", *tables, *report.met(full, found, start, given.workers, beside))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rates", type=int, nargs="*", default=(100, 300, 600))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sync", choices=["normal", "full"], default="normal")
    parser.add_argument("--no-store", action="store_true")
    parser.add_argument("--only-mixed", action="store_true", help="single rows beside batches, and nothing else")
    return parser.parse_args(namespace=argparse.Namespace(store_port=free_port()))


if __name__ == "__main__":
    main()
