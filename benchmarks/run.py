"""Runs the benchmarks, all or those named, and keeps what each found for the results page.

    python -m benchmarks.run [--quick] [--results docs/reference/benchmarks] [peers | NAME ...]

A benchmark is a folder here with a `__main__.py`, run as `python -m benchmarks.<name>`, that ends with `save` of its
tables (harness/results.py). One that fails is named at the end, and the page keeps its last result.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness.page import RESULTS, write
from embedded.layout import PROJECT

FOLDER = PROJECT / "benchmarks"
PEERS = "peers"
QUICK = {
    "estimate": ["--tables", "telecom_churn", "--draws=2", "--rows=2000"],
    "growth": ["--rows", "2000", "4000"],
    "labels": ["--rows=20000", "--labels=2000", "--predictions-a-key", "1"],
    "peers": ["--quick"],
    "quality": [
        "--repeats=4",
        "--peer-repeats=1",
        "--months=1",
        "--windows",
        "1000",
        "10000",
        "--rows",
        "1000",
        "--peer-rows=1000",
    ],
    "scoring": ["--rows=20000", "--times=2", "--rounds=1"],
    "search": ["--trials=2", "--engine-rounds=1"],
    "serving": ["--rounds=1", "--seconds=2", "--rates", "100"],
    "shadow": ["--years=4", "--labels-a-day=20", "--predictions=1000"],
    "stream": ["--records=500", "--seconds=2", "--rounds=1", "--shards", "2"],
    "tables": ["--tables", "1", "2", "--rounds=1", "--seconds=1"],
}


def names() -> list[str]:
    """Every benchmark but the peers, which need environments of their own."""
    return sorted(path.parent.name for path in FOLDER.glob("*/__main__.py") if path.parent.name != PEERS)


def run(name: str, options: list[str], results: Path) -> bool:
    """Run one with its output on the screen; returns whether it went well and left its tables."""
    command = ["python", "-m", f"benchmarks.{name}", *options]
    print(f"\n== {' '.join(command)}", flush=True)
    began = time.time()
    environ = {**os.environ, "BENCH_RESULTS": str(results), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run([sys.executable, *command[1:]], cwd=PROJECT, env=environ, check=False)
    kept = results / f"{name}.json"
    return done.returncode == 0 and kept.exists() and kept.stat().st_mtime >= began


def main() -> None:
    """Run them one after the other, then make the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="see that they run; the page is left alone")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    results = (PROJECT / ".bench" / "quick" / "benchmarks" if given.quick else given.results).resolve()
    failed, took = [], {}
    for name in given.names or names():
        began = time.monotonic()
        if not run(name, QUICK[name] if given.quick else [], results):
            failed.append(name)
        took[name] = time.monotonic() - began
    if list(results.glob("*.json")):
        write(results)
    print("; ".join(f"{name} {seconds:.0f} s" for name, seconds in {**took, "in all": sum(took.values())}.items()))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
