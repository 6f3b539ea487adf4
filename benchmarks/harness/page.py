"""The results page: docs/reference/benchmarks.md and its plots, from the JSON files that the benchmarks left.

    python -m benchmarks.harness.page

It measures nothing: the same files give the same page, byte for byte, and a test holds them together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.plot import bars, lines
from benchmarks.harness.results import cell
from embedded.layout import PROJECT

RESULTS = PROJECT / "docs" / "reference" / "benchmarks"
HEAD = """# Benchmarks

The last run of `make bench` and `make bench-peers`, which write this page; `QUICK=1` runs them in a few minutes,
to see that they run, and leaves the page alone. Every contender runs on the machine named, rounds interleaved,
and a figure is the median of its rounds. Machines drift: read the ratios, and the CPU time, rather than the rates.
"""
FIRST = ("peers", "serving")


def page(results: Path) -> dict[str, str]:
    """Every file of the page by its path from the folder above the results: the text, and the plots."""
    found = [json.loads(path.read_text()) for path in results.glob("*.json")]
    # The servers first: they are what most come for.
    found.sort(key=lambda result: (FIRST.index(result["name"]) if result["name"] in FIRST else 9, result["name"]))
    parts, plots = [HEAD], {}
    for result in found:
        section = [
            f"## {result['name']}",
            "",
            result["about"],
            "",
            f"`{result['command']}`, {result['date']}; {_machine(result)}.",
            "",
        ]
        for table in result["tables"]:
            section += [f"### {table['title']}", ""]
            if (drawn := _plot(table)) is not None:
                path = f"{results.name}/{result['name']}-{_slug(table['title'])}.svg"
                plots[path] = drawn
                section += [f"![{table['title']}]({path})", ""]
            section += [*_rows(table["rows"]), "", *([table["notes"], ""] if table["notes"] else [])]
        parts.append("\n".join(section))
    return {"benchmarks.md": "\n".join(parts).rstrip("\n") + "\n", **plots}


def _machine(result: Mapping[str, Any]) -> str:
    given = result["machine"]
    memory = f"{given['memory, GiB']} GiB, {given['system']}, Python {given['python']}"
    return f"{given['cores']} cores of {given['processor']}, {memory}, load average {given['load average']} at the end"


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    heads = list(rows[0]) if rows else []
    dashes = ["---:" if any(isinstance(row[head], int | float) for row in rows) else "---" for head in heads]
    body = [[_cell(row[head]) for head in heads] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (heads, dashes, *body)]


def _cell(value: object) -> str:
    return cell(value).replace("|", "\\|")


def _plot(table: Mapping[str, Any]) -> str | None:
    for kind, columns in ((bars, table["bars"]), (lines, table["lines"])):
        if columns:
            label, *names = columns
            drawn = [(_cell(row[label]), [row[name] for name in names]) for row in table["rows"]]
            return kind(f"{table['title']}: {', '.join(names)}", names, drawn)
    return None


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60]


def write(results: Path) -> None:
    """Write the page and its plots beside the results; plots that no result asks for any more are deleted."""
    files = page(results)
    for old in results.glob("*.svg"):
        if f"{results.name}/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        (results.parent / name).write_text(text)
    print(f"wrote {results.parent / 'benchmarks.md'} and {len(files) - 1} plots")


if __name__ == "__main__":
    write(RESULTS)
