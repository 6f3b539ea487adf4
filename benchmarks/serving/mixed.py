"""Single rows beside clients of batches: what a client waits while others send much, or much that is rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.harness.figures import Row, at_most, middle
from benchmarks.harness.model import Record
from benchmarks.harness.paced import at_rate
from benchmarks.harness.results import Table
from benchmarks.harness.wrk import saturate, written
from benchmarks.serving.measure import BATCH, PAYLOADS, SINGLE, Rounds
from benchmarks.serving.servers import Server

RATE_PER_SECOND, NEIGHBOURS, WITHIN_SECONDS = 100, 2, 0.5
P99_MS = 50.0
NOBODY = "nobody"


def neighbours(records: Sequence[Record]) -> dict[str, tuple[str, object]]:
    """What others send meanwhile, by name: the path and the body."""
    sizes = (100, 1_000, 10_000)
    rows = {size: [records[at % len(records)] for at in range(size)] for size in sizes}
    odd = {next(iter(records[0])): "no such value"}
    kinds: dict[str, tuple[str, object]] = {f"good batches of {size:,}": (BATCH, rows[size]) for size in sizes}
    kinds |= {f"[{{}},{{}},…] of {size:,}": (BATCH, [{}] * size) for size in (*sizes[:2], 5_400, sizes[2])}
    kinds |= {
        f"batches of {size:,} with a wrong value in each": (BATCH, [row | odd for row in rows[size]]) for size in sizes
    }
    kinds["good batches of 10,000 but for the last row"] = (BATCH, [*rows[10_000][:-1], {}])
    kinds["[{},{},…] of 1,600,000"] = (BATCH, [{}] * 1_600_000)
    kinds["good batches of 100, explained"] = (f"{BATCH}?explain=1", rows[100])
    kinds["rows of 70,000 unknown names"] = (SINGLE, {f"k{at}": 1 for at in range(70_000)})
    kinds["rows of 300,000 nested values"] = (SINGLE, {"a": [{}] * 300_000})
    return kinds


def mixed(server: Server, folder: Path, records: Sequence[Record], rounds: int, seconds: int) -> Rounds:
    """Single rows at a fixed rate beside two clients of each kind, who send as fast as they are served."""
    singles = written(folder / "mixed-singles" / "bodies", records[:PAYLOADS])
    bodies = {
        name: (path, written(folder / f"mixed-{at}" / "bodies", [body]))
        for at, (name, (path, body)) in enumerate(neighbours(records).items())
    }
    found: Rounds = {name: [] for name in (NOBODY, *bodies)}
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            found[NOBODY].append(at_rate(server.port, SINGLE, singles, RATE_PER_SECOND, seconds))
            for name, (path, file) in bodies.items():
                others = pool.submit(saturate, server.port, path, file, seconds + 2 * WITHIN_SECONDS, NEIGHBOURS)
                alone = at_rate(server.port, SINGLE, singles, RATE_PER_SECOND, seconds)
                beside = others.result()
                found[name].append(alone | {"others": beside["requests"] / (seconds + 2 * WITHIN_SECONDS)})
    return found


def table(found: Mapping[str, Sequence[dict[str, float]]]) -> Table:
    """What a single row waits beside each."""
    rows: list[Row] = []
    for name, rounds in found.items():
        one = middle(rounds)
        rows.append(
            {
                "beside": name,
                "p50 ms": one["p50_ms"],
                "p99 ms": one["p99_ms"],
                "generator late, p99 ms": one["lag_p99_ms"],
                "errors": int(sum(each["errors"] for each in rounds)),
                "others' requests/s": one.get("others"),
            }
        )
    notes = (
        f"{RATE_PER_SECOND} single rows a second, beside {NEIGHBOURS} clients who send as fast as they are served. A "
        "latency counts from when the request was due; the server, its store and all clients share the cores."
    )
    return Table("Single rows beside batches", rows, notes)


def met(found: Rounds) -> list[Row]:
    """The goal beside what was found."""
    worst = max(middle(rounds)["p99_ms"] for rounds in found.values())
    return at_most("p99 ms of single rows, beside whichever batches", worst, P99_MS)
