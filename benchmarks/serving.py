"""Requests a second and tail latency of the API, next to a constant Flask view under the same gunicorn settings.

    python benchmarks/serving.py [--rounds 3] [--seconds 5] [--threads 4 | --threads 1] [--sync full] [--no-store]

Both servers run at once and are loaded in turn, round by round, so that a slow minute of the machine slows both; the
table shows medians and ratios. Predictions go through the outbox to a real store, as in service. Needs `wrk`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from embedded import apps, backends
from embedded.layout import PROJECT, Layout, Ports, executable
from embedded.service import Service, free_port
from tabular.bundle import write_bundle
from tabular.contract import Contract, load_contract
from tabular.row import RowCodec, matrix
from tabular.table import public_records

RUN_ID = "bench"
PAYLOADS = 300
CASES = (
    ("single", "/predict", 1, 32),
    ("batch of 100", "/predict/batch", 100, 4),
    ("batch of 1,000", "/predict/batch", 1_000, 4),
)
SCRIPT = """
local bodies, at = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function() at = at % #bodies + 1; return wrk.format(nil, nil, nil, bodies[at]) end
done = function(summary, latency)
  local errors = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
                         latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors))
end
"""


@dataclass(frozen=True)
class Measure:
    """One round of one server: requests a second, milliseconds, CPU microseconds of its workers a request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    errors: int


@dataclass(frozen=True)
class Server:
    """A running gunicorn."""

    name: str
    port: int
    master_pid: int

    def cpu_seconds(self) -> float:
        """The CPU time its workers have used."""
        children = Path(f"/proc/{self.master_pid}/task/{self.master_pid}/children").read_text().split()
        ticks = 0
        for pid in children:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the rounds and print the table."""
    arguments = parse()
    folder = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    try:
        contract = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
        records = make_bundle(contract, folder / "bundles" / RUN_ID)
        (folder / "load.lua").write_text(SCRIPT)
        with running(folder, arguments) as servers:
            measures = measure(servers, folder, records, arguments)
        report(measures, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--sync", choices=["normal", "full"], default="normal")
    parser.add_argument("--no-store", action="store_true")
    return parser.parse_args()


def make_bundle(contract: Contract, folder: Path) -> list[dict[str, object]]:
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
    target = (rows.sum(axis=1) + draw.normal(0, rows.sum(axis=1).std(), 5_000) > np.median(rows.sum(axis=1))).astype(
        float
    )
    params = {"objective": "binary:logistic", "max_depth": 6, "nthread": 2, "seed": 0}
    booster = xgb.train(params, xgb.DMatrix(rows, target), num_boost_round=150)
    ranges = zip(rows.min(axis=0).tolist(), rows.max(axis=0).tolist(), strict=True)
    profile = {
        feature.name: bounds for feature, bounds in zip(contract.features, ranges, strict=True) if feature.is_numeric
    }
    write_bundle(folder, contract, booster, table, profile, records[:20], {})
    return records


@contextlib.contextmanager
def running(folder: Path, arguments: argparse.Namespace) -> Iterator[list[Server]]:
    """The store, the API and the constant view, for the length of a `with` block."""
    ports = replace(Ports(), store=free_port(), api=free_port())
    layout, limit_port = Layout(state=folder, ports=ports), free_port()
    common = {
        "STATE_DIR": str(folder),
        "RUN_ID": RUN_ID,
        "MONGO_URI": f"mongodb://127.0.0.1:{ports.store}",
        "API_WORKERS": str(arguments.workers),
        "API_THREADS": str(arguments.threads),
        "OUTBOX_SYNC": arguments.sync,
    }
    config = str(PROJECT / "server" / "gunicorn.conf.py")
    limit = Service(
        name="limit",
        command=(
            executable("gunicorn"),
            "--config",
            config,
            "--pythonpath",
            str(PROJECT / "benchmarks"),
            "constant_view:app",
        ),
        port=limit_port,
        ready_url=f"http://127.0.0.1:{limit_port}/health/ready",
        environ=common | {"API_PORT": str(limit_port), "STATE_DIR": str(folder / "limit")},
    )
    api = replace(apps.api(layout), environ=common | {"API_PORT": str(ports.api)})
    with contextlib.ExitStack() as stack:
        if not arguments.no_store:
            stack.enter_context(backends.store(layout).running(folder / "store.log"))
        processes = [stack.enter_context(each.running(folder / f"{each.name}.log")) for each in (api, limit)]
        yield [Server("API", ports.api, processes[0].pid), Server("limit", limit_port, processes[1].pid)]


def measure(
    servers: list[Server], folder: Path, records: list[dict[str, object]], arguments: argparse.Namespace
) -> dict[tuple[str, str], list[Measure]]:
    """Load every server with every case, in turn, round by round."""
    measures: dict[tuple[str, str], list[Measure]] = {}
    for case, path, rows, connections in CASES:
        bodies = folder / f"{rows}.ndjson"
        bodies.write_text("\n".join(payloads(records, rows)) + "\n")
        for server in servers:
            load(server, path, connections, bodies, 2)  # warm up
        for _ in range(arguments.rounds):
            for server in servers:
                one = load(server, path, connections, bodies, arguments.seconds)
                measures.setdefault((case, server.name), []).append(one)
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return measures


def payloads(records: list[dict[str, object]], rows: int) -> list[str]:
    """Bodies to rotate through."""
    if rows == 1:
        return [json.dumps(record) for record in records[:PAYLOADS]]
    return [json.dumps([records[(start * 7 + at) % len(records)] for at in range(rows)]) for start in range(10)]


def load(server: Server, path: str, connections: int, bodies: Path, seconds: int) -> Measure:
    """One run of wrk."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "-s",
        str(bodies.parent / "load.lua"),
    ]
    before = server.cpu_seconds()
    url = f"http://127.0.0.1:{server.port}{path}"
    done = subprocess.run(
        [*command, url], env={**os.environ, "BODIES": str(bodies)}, capture_output=True, text=True, check=True
    )
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+)", done.stdout)
    if found is None:
        raise SystemExit(f"wrk said nothing that can be read:\n{done.stdout}{done.stderr}")
    rate, p50, p99 = (float(text) for text in found.groups()[:3])
    used = server.cpu_seconds() - before
    return Measure(rate, p50, p99, used / (rate * seconds) * 1e6, int(found[4]))


def report(measures: dict[tuple[str, str], list[Measure]], arguments: argparse.Namespace) -> None:
    """Print the medians, and ours over the limit's."""
    store = "no store" if arguments.no_store else "store draining"
    print(f"{arguments.workers} workers x {arguments.threads} threads, outbox_sync {arguments.sync}, {store}", end="")
    print(f", medians of {arguments.rounds} rounds of {arguments.seconds} s; the last two columns are API / limit")
    heads = ("req/s", "rows/s", "p50 ms", "p99 ms", "CPU us", "errors", "req/s", "CPU")
    print(f"{'':16}{'server':8}" + "".join(f"{head:>10}" for head in heads))
    for case, _, rows, _ in CASES:
        ours, limit = (median(measures[case, name]) for name in ("API", "limit"))
        shares = (ours.requests_per_second / limit.requests_per_second, ours.cpu_us / limit.cpu_us)
        print(line(case, "API", ours, rows) + "".join(f"{share:10.2f}" for share in shares))
        print(line("", "limit", limit, rows))


def median(rounds: list[Measure]) -> Measure:
    """The median of each figure; errors are summed."""
    names = ("requests_per_second", "p50_ms", "p99_ms", "cpu_us")
    middle = {name: statistics.median(getattr(one, name) for one in rounds) for name in names}
    return Measure(**middle, errors=sum(one.errors for one in rounds))


def line(case: str, name: str, found: Measure, rows: int) -> str:
    """One line of the table."""
    rate = found.requests_per_second
    start = f"{case:16}{name:8}{rate:10.0f}{rate * rows:10.0f}"
    return f"{start}{found.p50_ms:10.2f}{found.p99_ms:10.1f}{found.cpu_us:10.0f}{found.errors:10}"


if __name__ == "__main__":
    main()
