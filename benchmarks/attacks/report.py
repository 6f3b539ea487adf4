"""The tables of the attacks: what each took, today against after, and whether the bounds hold."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.attacks.attack import GROWTH_MB, Attack
from benchmarks.attacks.measure import Measured
from benchmarks.figures import Row
from benchmarks.results import Table

Column = Mapping[str, Measured]
NOTES = (
    "One worker, warmed up, a process of its own for each row. A cell says by how much the worker's resident memory "
    "grew at most ('>': the attack was stopped there), the 99th percentile of what a bystander waited (50 requests a "
    "second, single rows and health, on kept and on new connections), how many of its requests failed, and what the "
    f"attack itself saw. In every row the bounds are + {GROWTH_MB:g} MB and no failed request of the bystander, beside "
    "those that are named; from its p99 is taken by how much the bystander was late itself, on a machine that is busy."
)


def tables(attacks: Mapping[str, Attack], columns: Mapping[str, Column]) -> list[Table]:
    """The comparison, then the figures of each column."""
    rows: list[Row] = []
    last = list(columns)[-1]
    for name, attack in attacks.items():
        row: Row = {"attack": attack.sent, "bound": attack.bounds()}
        row |= {column: cell(measured[name]) for column, measured in columns.items() if name in measured}
        row["within bounds"] = "OK" if not columns[last][name].faults else "exceeded"
        rows.append(row)
    return [
        Table("The attacks", rows, NOTES),
        *(_figures(column, attacks, measured) for column, measured in columns.items()),
    ]


def cell(one: Measured) -> str:
    """One attack in a few words."""
    words = [_growth(one), f"p99 {one.seen.p99_ms:,.0f} ms", f"{one.seen.failures} failed"]
    return "; ".join([*words, *([one.found.figure] if one.found.figure else [])])


def _growth(one: Measured) -> str:
    return f"{'> ' if one.was_stopped else ''}+ {one.grown_mb:,.0f} MB"


def _figures(column: str, attacks: Mapping[str, Attack], measured: Column) -> Table:
    rows: list[Row] = []
    for name in attacks:
        one = measured[name]
        rows.append(
            {
                "attack": name,
                "RSS + MB at most": round(one.grown_mb),
                "RSS + MB after it": round(one.kept_mb),
                "CPU s": round(one.cpu_seconds, 2),
                "bystander's p99 ms": round(one.seen.p99_ms, 1),
                "it was late itself, p99 ms": round(one.seen.lag_p99_ms, 1),
                "requests": one.seen.requests,
                "failed": one.seen.failures,
                "answers": ", ".join(f"{status}: {count:,}" for status, count in one.found.statuses.most_common()),
                "exceeded": "; ".join(one.faults),
            }
        )
    return Table(f"In figures, {column}", rows)
