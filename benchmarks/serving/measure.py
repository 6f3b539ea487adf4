"""Rounds of load: single rows at saturation and at fixed rates, batches by size, and XGBoost alone beside them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.figures import Figures
from benchmarks.harness.model import Made, Record
from benchmarks.harness.paced import at_rate
from benchmarks.harness.wrk import written
from benchmarks.serving.servers import ECHO, Server
from tabular.encoding.row import Matrix, matrix
from tabular.model.bundle import Bundle

PAYLOADS, CONNECTIONS, BATCH_CONNECTIONS = 300, 32, 4
BATCHES = (100, 1_000, 10_000)
BATCH_BODIES = 5
SINGLE, BATCH = "/predict", "/predict/batch"
ONE = "API, one connection"
WARM_SECONDS = 1
Rounds = dict[str, list[Figures]]
TURNS_A_ROUND = 4


@dataclass(frozen=True)
class Batch:
    """What was found at one size: the rounds by server, and CPU microseconds a row of XGBoost alone."""

    rounds: Rounds
    raw_us: list[float]

    def share_of_raw(self, name: str, workers: int, size: int) -> float:
        """Rows a second over those of XGBoost alone with one thread for each worker, round by round."""
        rounds = zip(self.rounds[name], self.raw_us, strict=True)
        return statistics.median(one["requests_per_second"] * size * raw / 1e6 / workers for one, raw in rounds)


def singles(
    servers: Sequence[Server], folder: Path, records: Sequence[Record], rates: Sequence[int], rounds: int, seconds: int
) -> tuple[Rounds, dict[int, Rounds]]:
    """Single rows: every server at saturation, and the API and the constant response at each rate, round by round."""
    bodies = written(folder / "singles" / "bodies", records[:PAYLOADS])
    full: Rounds = {server.name: [] for server in servers}
    paced: dict[int, Rounds] = {rate: {server.name: [] for server in servers[:2]} for rate in rates}
    for server in servers:
        server.loaded(bodies, WARM_SECONDS, CONNECTIONS)
    for _ in range(rounds):
        for server in servers:
            full[server.name].append(server.loaded(bodies, seconds, CONNECTIONS))
        for rate in rates:
            for server in servers[:2]:
                paced[rate][server.name].append(at_rate(server.port, server.path, bodies, rate, seconds))
        print(".", end="", flush=True, file=sys.stderr)
    return full, paced


def alternating(names: Sequence[str], rounds: int, measured: Callable[[str], Figures]) -> Rounds:
    """Both of two, TURNS_A_ROUND times a round; the one that comes first in a turn comes last in the next."""
    found: Rounds = {name: [] for name in names}
    for turn in range(TURNS_A_ROUND * rounds):
        for name in names if turn % 2 else reversed(names):
            found[name].append(measured(name))
        print(".", end="", flush=True, file=sys.stderr)
    return found


def batches(
    servers: Sequence[Server], folder: Path, made: Made, rounds: int, seconds: int, workers: int
) -> dict[int, Batch]:
    """Batches by size: the API, the JSON echo, and in the same rounds XGBoost alone on the same rows."""
    api, echo = servers[0], next(one for one in servers if one.name == ECHO)
    found = {}
    for size in BATCHES:
        rows = [
            [made.records[(start * 7 + at) % len(made.records)] for at in range(size)] for start in range(BATCH_BODIES)
        ]
        bodies = written(folder / f"batch-{size}" / "bodies", rows)
        matrices = matrix([made.bundle.codec.parse(record) for record in rows[0]])
        batch = Batch({api.name: [], echo.name: [], ONE: []}, [])
        for _ in range(rounds):
            batch.rounds[api.name].append(api.loaded(bodies, seconds, BATCH_CONNECTIONS, BATCH))
            batch.rounds[echo.name].append(echo.loaded(bodies, seconds, BATCH_CONNECTIONS))
            batch.rounds[ONE].append(api.loaded(bodies, seconds, 1, BATCH))
            batch.raw_us.append(_raw_us(made.bundle, matrices, workers))
            print(".", end="", flush=True, file=sys.stderr)
        found[size] = batch
    print(file=sys.stderr)
    return found


def _raw_us(bundle: Bundle, rows: Matrix, threads: int) -> float:
    """CPU microseconds a row of XGBoost alone, on so many threads at once as the API has workers."""
    repeats = max(100_000 // len(rows), 5)
    begun = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: [bundle.predict(rows) for _ in range(repeats)], range(threads)))
    return (time.process_time() - begun) / threads / repeats / len(rows) * 1e6
