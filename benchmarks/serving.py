"""The API next to the limits of its own worker, to XGBoost alone, and to itself at fixed rates.

    python benchmarks/serving.py [--rounds 3] [--seconds 5] [--no-store] [--sync full] [--worker gthread]

All servers run at once and are loaded in turn, round by round, so that a slow minute of the machine slows each; the
tables show medians and ratios. Predictions go through the outbox to a real store, as in service, which takes CPU from
everybody: `--no-store` shows the API alone. Needs `wrk`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

sys.path.insert(0, str(Path(__file__).parent))  # for `load`, wherever this is run from

from load import Measure, Server, at_rate, median, saturate

from embedded import apps, backends
from embedded.layout import PROJECT, Layout, Ports, executable
from embedded.service import Service, free_port
from tabular.bundle import read_bundle, write_bundle
from tabular.contract import Contract, load_contract
from tabular.row import RowCodec, matrix
from tabular.table import public_records

RUN_ID = "bench"
PAYLOADS = 300
RATES = (100, 300, 600)
BATCHES = (100, 1_000, 10_000)
LIMITS = {"constant view": "app", "JSON echo": "echo", "bare callable": "bare"}
Records = list[dict[str, object]]


@dataclass(frozen=True)
class Started:
    """A server, and what its start took."""

    server: Server
    seconds: float
    resident_mb: float


def main() -> None:
    """Run the rounds and print the tables."""
    arguments = parse()
    folder = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    try:
        contract = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
        records = make_bundle(contract, folder / "bundles" / RUN_ID)
        with running(folder, arguments) as started:
            servers = [each.server for each in started]
            singles, rates = measure(servers, records, arguments)
            store = "no store" if arguments.no_store else "store draining"
            worker = arguments.worker or "poll loop"
            print(f"{arguments.workers} workers ({worker}), outbox_sync {arguments.sync}, {store}")
            report_singles(started, singles)
            report_rates(rates)
            batches = measure_batches(servers[0], folder / "bundles" / RUN_ID, records, arguments)
            report_batches(batches, arguments.workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--worker", default="", help="a worker class of gunicorn's own instead of the poll loop")
    parser.add_argument("--sync", choices=["normal", "full"], default="normal")
    parser.add_argument("--no-store", action="store_true")
    return parser.parse_args()


def make_bundle(contract: Contract, folder: Path) -> Records:
    """A model of depth 6 and 150 rounds on made-up rows; returns the records to send."""
    draw = np.random.default_rng(0)
    codec = RowCodec(contract)
    columns = {}
    for feature in contract.features:
        low, high = feature.range or (0, 0)
        pick = draw.integers(low, high, 5_000) if feature.kind == "integer" else draw.uniform(low, high, 5_000)
        columns[feature.name] = pick if feature.is_numeric else draw.choice(list(feature.levels), 5_000)
    table = pd.DataFrame(columns)
    records = public_records(contract, table)
    rows = matrix([codec.parse(record) for record in records])
    noisy = rows.sum(axis=1) + draw.normal(0, rows.sum(axis=1).std(), 5_000)
    target = (noisy > np.median(rows.sum(axis=1))).astype(float)
    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": 2, "seed": 0}
    booster = xgb.train(params, xgb.DMatrix(rows, target), num_boost_round=150)
    ranges = zip(rows.min(axis=0).tolist(), rows.max(axis=0).tolist(), strict=True)
    profile = {
        feature.name: bounds for feature, bounds in zip(contract.features, ranges, strict=True) if feature.is_numeric
    }
    write_bundle(folder, contract, booster, table, profile, records[:20], {})
    return records


@contextlib.contextmanager
def running(folder: Path, arguments: argparse.Namespace) -> Iterator[list[Started]]:
    """The store, the API and the limits, for the length of a `with` block; the API is the first."""
    ports = replace(Ports(), store=free_port(), api=free_port())
    layout = Layout(state=folder, ports=ports)
    common = {
        "STATE_DIR": str(folder),
        "RUN_ID": RUN_ID,
        "MONGO_URI": f"mongodb://127.0.0.1:{ports.store}",
        "API_WORKERS": str(arguments.workers),
        "API_THREADS": str(arguments.threads),
        "OUTBOX_SYNC": arguments.sync,
    }
    worker = ("--worker-class", arguments.worker) if arguments.worker else ()
    gunicorn = (executable("gunicorn"), "--config", str(PROJECT / "server" / "gunicorn.conf.py"), *worker)

    def limit(name: str, application: str) -> Service:
        port = free_port()
        return Service(
            name=name,
            command=(*gunicorn, "--pythonpath", str(PROJECT / "benchmarks"), f"constant_view:{application}"),
            port=port,
            ready_url=f"http://127.0.0.1:{port}/health/ready",
            environ=common | {"API_PORT": str(port), "STATE_DIR": str(folder / name)},
        )

    api = replace(
        apps.api(layout),
        command=(*gunicorn, "server.api:create_app()"),
        environ=common | {"API_PORT": str(ports.api)},
    )
    with contextlib.ExitStack() as stack:
        if not arguments.no_store:
            stack.enter_context(backends.store(layout).running(folder / "store.log"))
        started = []
        services = {"API": api, **{name: limit(name, application) for name, application in LIMITS.items()}}
        for name, service in services.items():
            begun = time.perf_counter()
            process = stack.enter_context(service.running(folder / f"{name}.log"))
            server = Server(name, service.port or 0, process.pid)
            started.append(Started(server, time.perf_counter() - begun, server.resident_mb()))
        yield started


def measure(
    servers: Sequence[Server], records: Records, arguments: argparse.Namespace
) -> tuple[dict[str, list[Measure]], dict[tuple[int, str], list[Measure]]]:
    """Single rows: every server at saturation, and the API and the constant view at each rate, round by round."""
    bodies = [json.dumps(record) for record in records[:PAYLOADS]]
    singles: dict[str, list[Measure]] = {server.name: [] for server in servers}
    rates: dict[tuple[int, str], list[Measure]] = {}
    for server in servers:
        saturate(server, "/predict", 32, bodies, 2)  # warm up
    for _ in range(arguments.rounds):
        for server in servers:
            singles[server.name].append(saturate(server, "/predict", 32, bodies, arguments.seconds))
        for rate in RATES:
            for server in servers[:2]:
                rates.setdefault((rate, server.name), []).append(
                    at_rate(server, "/predict", rate, bodies, arguments.seconds)
                )
        print(".", end="", flush=True, file=sys.stderr)
    return singles, rates


def measure_batches(
    api: Server, bundle_folder: Path, records: Records, arguments: argparse.Namespace
) -> dict[int, tuple[Measure, float]]:
    """Batches over HTTP, and in the same rounds XGBoost alone on the same rows: microseconds of one thread a row."""
    bundle = read_bundle(bundle_folder)
    found = {}
    for size in BATCHES:
        batches = [[records[(start * 7 + at) % len(records)] for at in range(size)] for start in range(5)]
        rows = matrix([bundle.codec.parse(record) for record in batches[0]])
        bodies = [json.dumps(batch) for batch in batches]
        measures, raw = [], []
        for _ in range(arguments.rounds):
            measures.append(saturate(api, "/predict/batch", 4, bodies, arguments.seconds))
            begun, repeats = time.process_time(), max(20_000 // size, 5)
            for _ in range(repeats):
                bundle.predict(rows)
            raw.append((time.process_time() - begun) / repeats / size * 1e6)
            print(".", end="", flush=True, file=sys.stderr)
        found[size] = median(measures), statistics.median(raw)
    print(file=sys.stderr)
    return found


def report_singles(started: Sequence[Started], singles: dict[str, list[Measure]]) -> None:
    """Single rows at saturation; the ratios are the API's over each limit's."""
    heads = ("req/s", "p50 ms", "p99 ms", "CPU us", "errors", "start s", "RSS MB", "API req/s", "API CPU")
    print(f"\n{'single rows':16}" + "".join(f"{head:>10}" for head in heads))
    ours = median(singles["API"])
    for one in started:
        got = median(singles[one.server.name])
        row = f"{got.requests_per_second:10.0f}{got.p50_ms:10.2f}{got.p99_ms:10.1f}{got.cpu_us:10.0f}{got.errors:10}"
        shares = (ours.requests_per_second / got.requests_per_second, ours.cpu_us / got.cpu_us)
        start = f"{one.seconds:10.2f}{one.resident_mb:5.0f}/{one.server.resident_mb():<4.0f}"
        print(f"{one.server.name:16}{row}{start}" + "".join(f"{share:10.2f}" for share in shares))


def report_rates(rates: dict[tuple[int, str], list[Measure]]) -> None:
    """Single rows at fixed rates."""
    print(
        f"\n{'at a fixed rate':16}"
        + "".join(f"{head:>10}" for head in ("req/s", "p50 ms", "p99 ms", "CPU us", "errors"))
    )
    for (rate, name), rounds in rates.items():
        got = median(rounds)
        row = f"{got.requests_per_second:10.0f}{got.p50_ms:10.2f}{got.p99_ms:10.1f}{got.cpu_us:10.0f}{got.errors:10}"
        print(f"{rate:4}/s {name:10}{row}")


def report_batches(batches: dict[int, tuple[Measure, float]], workers: int) -> None:
    """Batches; the last columns are over XGBoost alone, on one thread for each worker."""
    heads = ("rows/s", "p50 ms", "p99 ms", "CPU us/row", "raw us/row", "rows/s", "CPU", "errors")
    print(f"\n{'batches':16}" + "".join(f"{head:>11}" for head in heads))
    for size, (got, raw_us) in batches.items():
        rows, cpu_us = got.requests_per_second * size, got.cpu_us / size
        figures = f"{rows:11.0f}{got.p50_ms:11.1f}{got.p99_ms:11.1f}{cpu_us:11.2f}{raw_us:11.2f}"
        print(f"{size:<16}{figures}{rows * raw_us / 1e6 / workers:11.2f}{raw_us / cpu_us:11.2f}{got.errors:11}")


if __name__ == "__main__":
    main()
