"""The tables of the attacks: what each took, and whether the bounds hold."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from tests.server.attacks.attack import GROWTH_MB, Attack
from tests.server.attacks.measure import Measured

NOTES = (
    "One worker, warmed up, a process of its own for each row. A cell says by how much the worker's resident memory "
    "grew at most ('>': the attack was stopped there), the 99th percentile of what other clients waited (50 requests a "
    "second, single rows and health, on kept and on new connections), how many of their requests failed, and what the "
    f"attack itself saw. In every row the bounds are + {GROWTH_MB:g} MB and no failed request of other clients, beside "
    "those that are named; from their p99 is taken how late their generator was itself, on a machine that is busy."
)


def tables(attacks: Mapping[str, Attack], measured: Mapping[str, Measured]) -> list[Table]:
    """Each attack with its bounds, then the figures."""
    rows: list[Row] = [
        {
            "attack": attack.sent,
            "bound": attack.bounds(),
            "found": cell(measured[name]),
            "within bounds": "exceeded" if measured[name].faults else "OK",
        }
        for name, attack in attacks.items()
    ]
    figures = [_figures(name, one) for name, one in measured.items()]
    return [Table("The attacks", rows, NOTES), Table("In figures", figures)]


def cell(one: Measured) -> str:
    """One attack in a few words."""
    growth = f"{'> ' if one.was_stopped else ''}+ {one.grown_mb:,.0f} MB"
    words = [growth, f"p99 {one.others['p99_ms']:,.0f} ms", f"{one.others['errors']:.0f} failed"]
    return "; ".join([*words, *([one.found.figure] if one.found.figure else [])])


def _figures(name: str, one: Measured) -> Row:
    return {
        "attack": name,
        "RSS + MB at most": round(one.grown_mb),
        "RSS + MB after it": round(one.kept_mb),
        "CPU s": round(one.cpu_seconds, 2),
        "other clients' p99 ms": round(one.others["p99_ms"], 1),
        "their generator late, p99 ms": round(one.others["lag_p99_ms"], 1),
        "requests": int(one.others["requests"]),
        "failed": int(one.others["errors"]),
        "responses": ", ".join(f"{status}: {count:,}" for status, count in one.found.statuses.most_common()),
        "exceeded": "; ".join(one.faults),
    }
