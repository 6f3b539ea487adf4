"""One check or one report, ours or Evidently's, in a process of its own.

python -m benchmarks.quality.measures check|report|"Evidently, check"|"Evidently, report" MONGO_URI STATE ROWS

Prints JSON: wall and CPU seconds, the highest memory in MB, rows read, the sampling error, the page's MB, and how many
times the store was asked for all of it, if more than once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pymongo

from benchmarks.harness.figures import Figures
from benchmarks.harness.model import RUN_ID
from benchmarks.harness.processes import peak_mb
from benchmarks.quality.detectors import preset_snapshot
from benchmarks.quality.filling import DATABASE
from monitoring.alarms.alarms import Alarms, AlarmStores
from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from reporting.flow import make_report
from reporting.table_reports import ReportedTable
from tabular.contract.types import Table
from tabular.model.bundle import read_bundle
from tabular.model.bundle_cache import BundleCache
from tabular.settings import Settings
from tabular.wiring import Wiring

CHECK, REPORT, PEER = "check", "report", "Evidently"
MIN_ROWS, WARM_ROWS = 300, 1_000
NEXT = timedelta(microseconds=1)


class NoRegistry:
    """The bundle is in the local cache: nothing is asked."""


def check(uri: str, state: Path, rows: int) -> Figures:
    """The monitor's second check, of one prediction more than the first."""
    wiring = Wiring(Settings(mongo_uri=uri, mongo_database=DATABASE))
    store = wiring.predictions()
    stores = AlarmStores(store, wiring.blocks(), wiring.loss_blocks(), wiring.ledger())
    alarms = Alarms(stores, wiring.contract.table.name, wiring.settings.monitor_block_seconds)
    monitor = Monitor(store, [MonitoredTable(_table(state).name, _cache(state), alarms)], rows, MIN_ROWS)
    monitor.check()
    newest = store.latest(1)[0]
    store.save([msgspec.structs.replace(newest, id=str(uuid.uuid4()), made_at=newest.made_at + NEXT)])
    spent, (seen,) = timed(monitor.check), monitor.snapshot.runs.values()
    if seen.drift is None or store.unreadable:
        raise SystemExit("the monitor saw nothing")
    return spent | {"read": seen.window.read_rows, "error": seen.window.error, "times": 2}


def report(uri: str, state: Path, rows: int) -> Figures:
    """A report on the newest so many predictions."""
    store = Wiring(Settings(mongo_uri=uri, mongo_database=DATABASE)).predictions()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(reports_dir=Path(folder), report_window_hours=hours_of(uri, rows))
        table = ReportedTable(_table(state).name, _table(state).title, _cache(state))
        spent = timed(lambda: make_report(store, [table], settings))
        row = store.reports(1)[0]
        page_mb = (Path(folder) / row["file"]).stat().st_size / 1e6
    return spent | {"page": page_mb, "read": row["read_rows"], "error": row["sampling_error"]}


def peer_check(uri: str, state: Path, rows: int) -> Figures:
    """Evidently's preset on the newest so many, the second time."""
    run_preset(uri, state, WARM_ROWS)
    return timed(lambda: run_preset(uri, state, rows)) | {"read": rows}


def peer_report(uri: str, state: Path, rows: int) -> Figures:
    """Evidently's page on the newest so many."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        spent = timed(lambda: run_preset(uri, state, rows).save_html(str(page)))
        return spent | {"page": page.stat().st_size / 1e6, "read": rows}


def run_preset(uri: str, state: Path, rows: int) -> Any:
    """Evidently's preset on the newest so many documents, as its manual shows it."""
    bundle = read_bundle(state / "bundles" / RUN_ID)
    with pymongo.MongoClient[Any](uri) as client:
        found = client[DATABASE]["data"].find({"run_id": RUN_ID}, {"row": 1}).sort("made_at_us", -1).limit(rows)
        window = pd.DataFrame([document["row"] for document in found])
    return preset_snapshot(bundle.reference(), window, bundle.contract)


def hours_of(uri: str, rows: int) -> float:
    """How far back a period must reach to hold the newest so many."""
    with pymongo.MongoClient[Any](uri) as client:
        newest = client[DATABASE]["data"].find({}, {"made_at_us": 1}).sort("made_at_us", -1)
        oldest = next(newest.skip(rows - 1).limit(1))
    return (datetime.now(UTC).timestamp() - int(oldest["made_at_us"]) / 1e6) / 3_600


def timed(work: Callable[[], object]) -> Figures:
    """Wall and CPU seconds, and the process' highest memory so far in MB."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - spent}
    return seconds | {"memory": peak_mb(os.getpid())}


def _table(state: Path) -> Table:
    return read_bundle(state / "bundles" / RUN_ID).contract.table


def _cache(state: Path) -> BundleCache:
    return BundleCache(NoRegistry(), state / "bundles", "")  # type: ignore[arg-type]


MEASURES: dict[str, Callable[[str, Path, int], Figures]] = {
    CHECK: check,
    f"{PEER}, {CHECK}": peer_check,
    REPORT: report,
    f"{PEER}, {REPORT}": peer_report,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(MEASURES[sys.argv[1]](sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
