"""One round of one server: what it answers, how fast, and what that takes of the processors."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.load.paced import at_rate
from benchmarks.load.processes import largest_mb, tree, usage
from benchmarks.load.wrk import saturate
from benchmarks.model import Record
from benchmarks.serving.servers import Server
from tabular.encoding.row import Matrix, matrix
from tabular.model.bundle import Bundle

PAYLOADS, CONNECTIONS, BATCH_CONNECTIONS = 300, 32, 4
BATCHES = (100, 1_000, 10_000)
BATCH_BODIES = 5
SINGLE, BATCH = "/predict", "/predict/batch"
ONE = "API, one connection"
WARM_SECONDS = 1
Rounds = dict[str, list[Figures]]


@dataclass(frozen=True)
class Batch:
    """What was found at one size: the rounds by server, and CPU microseconds a row of XGBoost alone."""

    rounds: Rounds
    raw_us: list[float]


def singles(
    servers: Sequence[Server], folder: Path, records: Sequence[Record], rates: Sequence[int], rounds: int, seconds: int
) -> tuple[Rounds, dict[int, Rounds]]:
    """Single rows: every server at saturation, and the API and the constant answer at each rate, round by round."""
    bodies = written(folder / "singles" / "bodies", records[:PAYLOADS])
    full: Rounds = {server.name: [] for server in servers}
    paced: dict[int, Rounds] = {rate: {server.name: [] for server in servers[:2]} for rate in rates}
    for server in servers:
        saturate(server.port, server.path, bodies, WARM_SECONDS, CONNECTIONS)
    for _ in range(rounds):
        for server in servers:
            full[server.name].append(loaded(server, bodies, seconds, CONNECTIONS))
        for rate in rates:
            for server in servers[:2]:
                paced[rate][server.name].append(at_rate(server.port, server.path, bodies, rate, seconds))
        print(".", end="", flush=True, file=sys.stderr)
    return full, paced


def batches(
    servers: Sequence[Server],
    folder: Path,
    records: Sequence[Record],
    bundle: Bundle,
    rounds: int,
    seconds: int,
    workers: int,
) -> dict[int, Batch]:
    """Batches by size: the API, the JSON echo, and in the same rounds XGBoost alone on the same rows."""
    api, echo = replace(servers[0], path=BATCH), next(one for one in servers if one.path == "/echo")
    found = {}
    for size in BATCHES:
        rows = [[records[(start * 7 + at) % len(records)] for at in range(size)] for start in range(BATCH_BODIES)]
        bodies = written(folder / f"batch-{size}" / "bodies", rows)
        matrices = matrix([bundle.codec.parse(record) for record in rows[0]])
        batch = Batch({api.name: [], echo.name: [], ONE: []}, [])
        for _ in range(rounds):
            for server in (api, echo):
                batch.rounds[server.name].append(loaded(server, bodies, seconds, BATCH_CONNECTIONS))
            batch.rounds[ONE].append(loaded(api, bodies, seconds, 1))
            batch.raw_us.append(raw_us(bundle, matrices, workers))
            print(".", end="", flush=True, file=sys.stderr)
        found[size] = batch
    print(file=sys.stderr)
    return found


def raw_us(bundle: Bundle, rows: Matrix, threads: int) -> float:
    """CPU microseconds a row of XGBoost alone, on so many threads at once as the API has workers."""
    repeats = max(100_000 // len(rows), 5)
    begun = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: [bundle.predict(rows) for _ in range(repeats)], range(threads)))
    return (time.process_time() - begun) / threads / repeats / len(rows) * 1e6


def loaded(server: Server, bodies: Path, seconds: int, connections: int) -> Figures:
    """wrk's figures, with the CPU microseconds a request of the server's processes and its largest worker's MB."""
    pids = tree(server.pid)
    before = usage(pids).cpu_seconds
    found = saturate(server.port, server.path, bodies, seconds, connections)
    cpu_us = 1e6 * (usage(pids).cpu_seconds - before) / max(found["requests"], 1)
    return found | {"cpu_us": cpu_us, "worker_mb": largest_mb(server.pid)}


def written(file: Path, bodies: Sequence[object]) -> Path:
    """A file with a body a line."""
    file.parent.mkdir()
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return file


def share_of_raw(batch: Batch, name: str, workers: int, size: int) -> float:
    """Rows a second over those of XGBoost alone with one thread for each worker, round by round."""
    rounds = zip(batch.rounds[name], batch.raw_us, strict=True)
    return statistics.median(one["requests_per_second"] * size * raw / 1e6 / workers for one, raw in rounds)
