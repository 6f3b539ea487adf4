"""The API with more and more tables: what each further one costs in memory, until it is ready, and a request.

    python -m benchmarks.tables [--tables 1 2 4 8] [--rounds 3] [--seconds 2]

Each table is a copy of the same contract under another name, with a model of its own (depth 6, 150 rounds, 11 features,
a reference of 5,000 rows), so that the tables cost the same. One server after the other is started, with an empty
outbox, every table of it is loaded with single rows, all together as long as those of any other server, and asked for
its pages, and the memory of its largest worker is read. Needs `wrk`.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import model, stack
from benchmarks.harness.arguments import arguments
from benchmarks.harness.figures import Figures, Row, at_most, goals, middle
from benchmarks.harness.processes import largest_mb
from benchmarks.harness.results import Table, save
from benchmarks.harness.wrk import loaded, written
from embedded.services.service import Service

WORKERS, CONNECTIONS, PAYLOADS = 2, 32, 300
NAME = "table_{}"
PAGES = ("docs", "openapi.json")


def main() -> None:
    """Serve ever more tables, leave what a further one costs."""
    given = arguments(tables=(1, 2, 4, 8), rounds=3, seconds=2)
    rounds: dict[int, list[Figures]] = {count: [] for count in given.tables}
    with tempfile.TemporaryDirectory(prefix="bench-tables-") as name:
        folder = Path(name)
        made = [model.make(folder, contract=copied(folder, at), run_id=run_of(at)) for at in range(max(given.tables))]
        bodies = written(folder / "singles" / "bodies", made[0].records[:PAYLOADS])
        for _ in range(given.rounds):
            for count, found in rounds.items():
                found.append(measured(folder, count, bodies, given.seconds, max(given.tables) // count))
    rows = [row(count, found) for count, found in rounds.items()]
    notes = (
        f"Medians of {given.rounds} rounds, {WORKERS} workers. MB are the resident memory of the largest worker, which "
        "loads every model. CPU a request is that of the first table's, with every table loaded."
    )
    save("tables", Table("Tables of one API", rows, notes, lines=("tables", "MB a worker, used")), *met(rounds))


def copied(folder: Path, at: int) -> Path:
    """The contract of the benchmarks' table, under another name."""
    path = folder / "contracts" / f"{NAME.format(at)}.toml"
    path.parent.mkdir(exist_ok=True)
    was = 'name = "credit_card_churn"'
    text = model.CONTRACT.read_text()
    if text.count(was) != 1:
        raise SystemExit(f"{model.CONTRACT} does not say {was} once")
    path.write_text(text.replace(was, f'name = "{NAME.format(at)}"'))
    return path


def run_of(at: int) -> str:
    """The run of a table."""
    return f"{at:032x}"


def measured(folder: Path, count: int, bodies: Path, seconds: int, warm_seconds: int) -> Figures:
    """One server of so many tables: seconds until it is ready, memory then and when all were used, CPU a request."""
    shutil.rmtree(folder / "outbox", ignore_errors=True)  # no store takes what the last server wrote
    service, log = server(folder, count), folder / "api.log"
    begun = time.perf_counter()
    with service.running(log) as process:
        ready, started_mb = time.perf_counter() - begun, largest_mb(process.pid)
        paths = ["", *(f"/tables/{NAME.format(at)}" for at in range(1, count))]
        for path in paths:
            load(process.pid, service, f"{path}/predict", bodies, warm_seconds)
            for page in PAGES:
                read(f"http://127.0.0.1:{service.port}{path}/{page}")
        found = load(process.pid, service, "/predict", bodies, seconds)
        return {"ready": ready, "started_mb": started_mb, "used_mb": found["worker_mb"], "cpu_us": found["cpu_us"]}


def load(pid: int, service: Service, path: str, bodies: Path, seconds: int) -> Figures:
    """Single rows for one table; nobody else's error may pass as its speed."""
    found = loaded(pid, service.port or 0, path, bodies, seconds, CONNECTIONS)
    if found["errors"] or not found["requests"]:
        raise SystemExit(f"{path}: {found['errors']:g} of {found['requests']:g} requests failed")
    return found


def server(folder: Path, count: int) -> Service:
    """The API that serves so many tables, each pinned; there is no registry and no store."""
    names = [NAME.format(at) for at in range(count)]
    return stack.api(
        folder,
        TABLES=",".join(str(folder / "contracts" / f"{name}.toml") for name in names),
        RUN_ID=run_of(0),
        RUN_IDS=",".join(f"{name}={run_of(at)}" for at, name in enumerate(names) if at),
        API_WORKERS=str(WORKERS),
    )


def read(url: str) -> None:
    """Ask for a page."""
    with urllib.request.urlopen(url, timeout=30) as response:
        response.read()


def row(count: int, found: Sequence[Figures]) -> Row:
    """What was found with so many tables."""
    one = middle(found)
    return {
        "tables": count,
        "MB a worker, just started": one["started_mb"],
        "MB a worker, used": one["used_mb"],
        "seconds until ready": one["ready"],
        "CPU us/request": one["cpu_us"],
    }


def met(rounds: dict[int, list[Figures]]) -> list[Table]:
    """The goals beside what was found; none if only one number of tables was measured."""
    fewest, most = min(rounds), max(rounds)
    if fewest == most:
        return []

    def growth(figure: str) -> float:
        pairs = zip(rounds[fewest], rounds[most], strict=True)
        return statistics.median((much[figure] - little[figure]) / (most - fewest) for little, much in pairs)

    cpu = statistics.median(
        much["cpu_us"] / little["cpu_us"] for little, much in zip(rounds[fewest], rounds[most], strict=True)
    )
    return goals(
        at_most("MB a worker that a further table adds, used", growth("used_mb"), 30),
        at_most("seconds until ready that a further table adds", growth("ready"), 1),
        at_most(f"CPU a request with {most} tables over that with {fewest}", cpu, 1.05),
    )


if __name__ == "__main__":
    main()
