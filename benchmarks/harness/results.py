"""What a benchmark leaves behind: its tables, the machine, the command and the day, as one small JSON file.

A benchmark ends with one line; without BENCH_RESULTS, the folder to write to, that line only prints:

    save("drift", Table("One comparison, CPU seconds", rows, bars=("window", "ours", "Evidently preset")))

`make bench` and `make bench-peers` (benchmarks/run.py) set the folder; page.py makes the page from it.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.plot import number

Value = str | float | int | None


@dataclass(frozen=True)
class Table:
    """One table of a benchmark; every row has the same keys, which are the heads of the columns, units in them.

    `bars` and `lines` ask for a plot: the column that names the bars (or is the x-axis), then the columns to draw.
    """

    title: str
    rows: Sequence[Mapping[str, Value]]
    notes: str = ""
    bars: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def save(name: str, *tables: Table) -> None:
    """Print the tables, and write them to `$BENCH_RESULTS/<name>.json` over what the last run left there."""
    for table in tables:
        show(table)
    folder = os.environ.get("BENCH_RESULTS")
    if not folder:
        return
    result = {
        "name": name,
        "about": (sys.modules["__main__"].__doc__ or "").partition("\n")[0],
        "command": command_line(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "tables": [asdict(table) for table in tables],
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False, default=float)
    Path(folder, f"{name}.json").write_text(text + "\n")


def show(table: Table) -> None:
    """Print a table, its first column to the left."""
    heads = list(table.rows[0]) if table.rows else []
    lines = [heads, *([cell(row[head]) for head in heads] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{table.title}")
    for first, *others in filter(None, lines):
        padded = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *padded]))
    if table.notes:
        print(table.notes)
    sys.stdout.flush()


def cell(value: object) -> str:
    """A figure as it is shown: three digits that count."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def command_line() -> str:
    """The command of this process, as one would type it in the project folder."""
    module = getattr(sys.modules["__main__"].__spec__, "name", None)
    program = ["-m", module.removesuffix(".__main__")] if module else [os.path.relpath(sys.argv[0])]
    return shlex.join(["python", *program, *sys.argv[1:]])


def machine() -> dict[str, Value]:
    """What the figures depend on; the load average is that of the minute before the end of the run."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory, GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "python": platform.python_version(),
        "load average": round(os.getloadavg()[0], 1),
    }


def _first(path: str, key: str) -> str | None:
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
