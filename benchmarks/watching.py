"""One look of the monitor and one report over a store of 1,000 to 1,000,000 predictions, ours beside Evidently.

    python benchmarks/watching.py [--rows 1000 10000 100000] [--csv data/BankChurners.csv] [--state DIR] [--no-peer]

A store of its own is started and filled; `--state` names a folder to keep it in, for filling a million takes minutes.
The peer reads the same window with pymongo, all of it, and gives it to Evidently's drift preset as it is shipped; its
report is Evidently's page. Each measurement is a process of its own: CPU and memory are that process', "store CPU" is
what the store spent on it. A look is the second one: the first also imports Evidently.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
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

from embedded import backends
from embedded.layout import Layout, Ports
from embedded.service import free_port
from model_orchestration.candidate import bundler, search_data
from model_orchestration.data import split
from model_orchestration.search import Fit, objective
from monitoring.monitor import Monitor
from reporting.flow import make_report
from tabular.adapters.predictions import MongoPredictions
from tabular.bundle import REFERENCE_SCORE, read_bundle
from tabular.bundle_cache import BundleCache
from tabular.contract import load_contract
from tabular.prediction import Prediction
from tabular.settings import Settings
from tabular.synthetic import make_table
from tabular.table import clean, public_records, read_csv

RUN = "a" * 32
SPAN = timedelta(hours=20)
TABLE_ROWS = 50_000
SAVED_AT_ONCE = 5_000
DATABASE = "watching"
NEXT = timedelta(microseconds=1)
HEAD = ("read", "error", "wall s", "CPU s", "store CPU", "peak MB", "page MB")


class NoRegistry:
    """The bundle is in the local cache: nothing is asked."""


def make_model(contract_file: Path, csv: Path | None, folder: Path) -> None:
    """A small model's bundle, and the rows to predict beside it."""
    contract = load_contract(contract_file)
    body = csv.read_bytes() if csv else make_table(contract, TABLE_ROWS, seed=7)
    table = clean(contract, read_csv(body))
    parts = split(table, 42)
    params = {"learning_rate": 0.1, "max_depth": 3}
    trial = Fit(search_data(contract, parts), objective(contract), 42)(0, params)
    (folder / "bundles" / RUN).mkdir(parents=True)
    bundler(contract, parts, 42).write(trial, folder / "bundles" / RUN, {})
    (folder / "rows.json").write_bytes(msgspec.json.encode(public_records(contract, table.features)))


def fill(uri: str, state: Path, rows: int) -> None:
    """So many predictions, evenly over the last hours, newest first."""
    contract = read_bundle(state / "bundles" / RUN).contract
    bodies = json.loads((state / "rows.json").read_bytes())
    scores = read_bundle(state / "bundles" / RUN).reference()[REFERENCE_SCORE].to_list()
    now, step, store = datetime.now(UTC), SPAN / rows, MongoPredictions(uri, DATABASE)
    for first in range(0, rows, SAVED_AT_ONCE):
        store.save(
            [
                Prediction(
                    id=str(uuid.uuid4()),
                    made_at=now - at * step,
                    run_id=RUN,
                    contract=contract.digest,
                    door="api" if at % 3 else "stream",
                    row=bodies[(at * 7919) % len(bodies)],
                    score=scores[(at * 7919) % len(scores)],
                )
                for at in range(first, min(first + SAVED_AT_ONCE, rows))
            ]
        )


def look(uri: str, state: Path, rows: int) -> dict[str, Any]:
    store = MongoPredictions(uri, DATABASE)
    monitor = Monitor(store, BundleCache(NoRegistry(), state / "bundles"), rows, 300)
    monitor.look()
    newest = store.latest(1)[0]
    store.save([msgspec.structs.replace(newest, id=str(uuid.uuid4()), made_at=newest.made_at + NEXT)])
    spent = timed(monitor.look)
    assert monitor.sight.drift is not None
    window = monitor.sight.window
    assert window is not None
    return spent | {"read": window.read_rows, "error": window.error}


def report(uri: str, state: Path, rows: int) -> dict[str, Any]:
    store = MongoPredictions(uri, DATABASE)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(reports_dir=Path(folder), report_window_hours=hours_of(uri, rows))
        spent = timed(lambda: make_report(store, BundleCache(NoRegistry(), state / "bundles"), settings))
        row = store.reports(1)[0]
        page = (Path(folder) / row["file"]).stat().st_size
    return spent | {"page": page, "read": row["read_rows"], "error": row["sampling_error"]}


def peer_look(uri: str, state: Path, rows: int) -> dict[str, Any]:
    run_preset(uri, state, 1_000)
    return timed(lambda: run_preset(uri, state, rows)) | {"read": rows}


def peer_report(uri: str, state: Path, rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        spent = timed(lambda: run_preset(uri, state, rows).save_html(str(page)))
        return spent | {"page": page.stat().st_size, "read": rows}


def run_preset(uri: str, state: Path, rows: int) -> Any:
    """Evidently's preset on the newest so many documents, as its manual shows it."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    bundle = read_bundle(state / "bundles" / RUN)
    with pymongo.MongoClient(uri) as client:
        found = client[DATABASE]["data"].find({"run_id": RUN}, {"row": 1}).sort("made_at_us", -1).limit(rows)
        window = pd.DataFrame([document["row"] for document in found])
    numbers = [feature.name for feature in bundle.contract.features if feature.is_numeric]
    labels = [feature.name for feature in bundle.contract.features if not feature.is_numeric]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    frames = [frame[numbers + labels].astype(dict.fromkeys(labels, "str")) for frame in (window, bundle.reference())]
    snapshot = Report([DataDriftPreset()]).run(*(Dataset.from_pandas(frame, definition) for frame in frames))
    snapshot.dict()
    return snapshot


def timed(work: Callable[[], object]) -> dict[str, Any]:
    """Wall and CPU seconds, and the process' highest memory so far in bytes."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - spent}
    return told | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024}


def hours_of(uri: str, rows: int) -> float:
    """How far back a period must reach to hold the newest so many."""
    with pymongo.MongoClient(uri) as client:
        oldest = next(
            client[DATABASE]["data"].find({}, {"made_at_us": 1}).sort("made_at_us", -1).skip(rows - 1).limit(1)
        )
    return (datetime.now(UTC).timestamp() - oldest["made_at_us"] / 1e6) / 3_600


MEASURES = {"look": look, "Evidently, look": peer_look, "report": report, "Evidently, report": peer_report}


def measure(name: str, rows: int, uri: str, state: Path, store_pid: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, "--uri", uri, "--state", str(state), "--rows", str(rows)]
    before = cpu_of(store_pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    return json.loads(done.stdout.splitlines()[-1]) | {"store": cpu_of(store_pid) - before}


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(name: str, rows: int, found: dict[str, Any]) -> None:
    if "failed" in found:
        print(f"{rows:>11,}  {name:<20}{found['failed']}", flush=True)
        return
    page = f"{found['page'] / 1e6:.2f}" if "page" in found else ""
    error = f"{found['error']:.2%}" if found.get("error") else ""
    print(
        f"{rows:>11,}  {name:<20}{found['read']:>10,}{error:>10}{found['wall']:>10.2f}{found['cpu']:>10.2f}"
        f"{found['store']:>10.2f}{found['memory'] / 1e6:>10.0f}{page:>10}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--contract", type=Path, default=Path("contracts/credit_card_churn.toml"))
    parser.add_argument("--state", type=Path)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--uri", help=argparse.SUPPRESS)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.measure:
        print(json.dumps(MEASURES[given.measure](given.uri, given.state, given.rows[0])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        run(given, given.state or Path(temporary))


def run(given: argparse.Namespace, state: Path) -> None:
    layout = Layout(state, Ports(store=free_port()))
    service, uri = backends.store(layout), f"mongodb://127.0.0.1:{layout.ports.store}"
    with service.running(layout.logs / "store.log") as process:
        if not (state / "filled").exists():
            make_model(given.contract, given.csv, state)
            fill(uri, state, max(given.rows))
            (state / "filled").touch()
        print(f"{'window':>11}  {'':<20}" + "".join(f"{name:>10}" for name in HEAD))
        for rows in given.rows:
            for name in MEASURES:
                if not (given.no_peer and name.startswith("Evidently")):
                    show(name, rows, measure(name, rows, uri, state, process.pid))


if __name__ == "__main__":
    main()
