"""One look of the monitor and one report over a store of 1,000 to 1,000,000 predictions, ours beside Evidently.

    python -m benchmarks.watching [--rows 1000 10000 100000 1000000] [--peer-rows 100000] [--csv data/BankChurners.csv]

A store of its own is started and filled. The peer reads the same window with pymongo, all of it, and gives it to
Evidently's drift preset as it is shipped; its report is Evidently's page. `--peer-rows` is the largest window it is
given. Each measurement is a process of its own: CPU and memory are that process', "store CPU" is what the store spent
on it. A look is the second one: the first also imports Evidently.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.load.processes import usage
from benchmarks.model import CONTRACT
from benchmarks.results import save
from benchmarks.watching import fill, report
from benchmarks.watching.measures import MEASURES, PEER
from benchmarks.watching.report import Found
from embedded.layout import PROJECT, Layout, Ports
from embedded.services import backends
from embedded.services.service import free_port

MEASURE_SECONDS = 300.0


def main() -> None:
    """Fill a store, measure each window, print the tables, leave the result."""
    given = parse()
    with tempfile.TemporaryDirectory(prefix="bench-watching-", ignore_cleanup_errors=True) as temporary:
        found = run(given, Path(temporary))
    save("watching", *report.tables(found))


def run(given: argparse.Namespace, state: Path) -> Found:
    """What each measurement told, by its name and the rows in the window."""
    layout = Layout(state, Ports(store=free_port()))
    service, uri = backends.store(layout), f"mongodb://127.0.0.1:{layout.ports.store}"
    fill.make_model(given.contract, given.csv, state)
    with service.running(layout.logs / "store.log"):
        fill.through_the_wire(uri, state, max(given.rows))
    fill.into_the_file(layout.folder("store"), state, max(given.rows))
    found: Found = {}
    with service.running(layout.logs / "store.log") as process:
        for rows in given.rows:
            for name in MEASURES:
                if not name.startswith(PEER) or rows <= given.peer_rows:
                    found[name, rows] = measure(name, rows, uri, state, process.pid)
                    print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return found


def measure(name: str, rows: int, uri: str, state: Path, store_pid: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.watching.measures", name, uri, str(state), str(rows)]
    before = usage({store_pid}).cpu_seconds
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=MEASURE_SECONDS)
    if done.returncode:
        raise SystemExit(f"{name} at {rows:,}: {done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told | {"store": (usage({store_pid}).cpu_seconds - before) / told.get("times", 1)}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=(1_000, 10_000, 100_000, 1_000_000))
    parser.add_argument("--peer-rows", type=int, default=100_000)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--contract", type=Path, default=CONTRACT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
