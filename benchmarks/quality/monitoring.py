"""One check of the monitor and one report, by the predictions in the window, ours beside Evidently's."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness import model
from benchmarks.harness.figures import Figures, Row, at_most, goals
from benchmarks.harness.processes import usage
from benchmarks.harness.results import Table
from benchmarks.harness.stack import free_layout
from benchmarks.quality import filling
from benchmarks.quality.measures import CHECK, MEASURES, PEER, REPORT
from embedded.layout import PROJECT
from embedded.services import backends

MEASURE_SECONDS = 300.0
CHECK_EVERY_SECONDS = 10
Found = Mapping[tuple[str, int], Figures]
NOTES = (
    "The store holds the largest of the windows throughout. `read` is what was read of the window: a uniform sample "
    "once it is large, no share of which is off by more than `error` (with a certainty of 99 %). Evidently reads all "
    "of it, and is not measured above --peer-rows."
)


def tables(sizes: Sequence[int], peer_rows: int) -> list[Table]:
    """Fill a store, measure each window: checks, reports and the goals."""
    with tempfile.TemporaryDirectory(prefix="bench-monitoring-", ignore_cleanup_errors=True) as temporary:
        found = _measured(Path(temporary), sizes, peer_rows)
    lines = ("window", "CPU s", f"{PEER}: CPU s")
    checks = Table("A check of the monitor", _rows(found, CHECK), NOTES, lines=lines)
    return [checks, Table("A report", _rows(found, REPORT), NOTES, lines=lines), *_goals(found)]


def _measured(state: Path, sizes: Sequence[int], peer_rows: int) -> Found:
    layout, made = free_layout(state), model.make(state)
    service, uri = backends.store(layout), f"mongodb://127.0.0.1:{layout.ports.store}"
    with service.running(layout.logs / "store.log"):
        filling.save(uri, made, max(sizes))
    filling.write_into_the_file(layout.folder("store"), made, max(sizes))
    found = {}
    with service.running(layout.logs / "store.log") as process:
        for rows in sizes:
            for name in MEASURES:
                if not name.startswith(PEER) or rows <= peer_rows:
                    found[name, rows] = _measure(name, rows, uri, state, process.pid)
                    print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return found


def _measure(name: str, rows: int, uri: str, state: Path, store_pid: int) -> Figures:
    """One measurement in a process of its own; of the store's work that of one of its repetitions."""
    command = [sys.executable, "-m", "benchmarks.quality.measures", name, uri, str(state), str(rows)]
    before = usage({store_pid}).cpu_seconds
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=MEASURE_SECONDS)
    if done.returncode:
        raise SystemExit(f"{name} at {rows:,}: {done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures | {"store": (usage({store_pid}).cpu_seconds - before) / figures.get("times", 1)}


def _rows(found: Found, name: str) -> list[Row]:
    rows: list[Row] = []
    for window in (window for measured, window in found if measured == name):
        one, peer = found[name, window], found.get((f"{PEER}, {name}", window), {})
        row: Row = {
            "window": window,
            "read": int(one["read"]),
            "error": f"{one['error']:.1%}" if one["error"] else "0",
            "wall s": one["wall"],
            "CPU s": one["cpu"],
            "store CPU s": one["store"],
            "peak MB": one["memory"],
            f"{PEER}: wall s": peer.get("wall"),
            f"{PEER}: CPU s": peer.get("cpu"),
            f"{PEER}: peak MB": peer.get("memory"),
            f"CPU, {PEER} / ours": peer["cpu"] / one["cpu"] if peer else None,
        }
        rows.append(row | ({"page MB": one["page"], f"{PEER}: page MB": peer.get("page")} if "page" in one else {}))
    return rows


def _goals(found: Found) -> list[Table]:
    check, report = found.get((CHECK, 100_000), {}), found.get((REPORT, 1_000_000), {})
    cpu, store = check.get("cpu"), check.get("store")
    return goals(
        at_most("a check at 100,000, s", check.get("wall"), 1),
        at_most("a check at 100,000 every 10 s, of a core", cpu and cpu / CHECK_EVERY_SECONDS, 0.1),
        at_most("the same with the embedded store's work", cpu and (cpu + (store or 0)) / CHECK_EVERY_SECONDS, 0.1),
        at_most("a report on 1,000,000, s", report.get("wall"), 60),
        at_most("a report on 1,000,000, peak MB", report.get("memory"), 1_000),
        at_most("its page, MB", report.get("page"), 5),
    )
