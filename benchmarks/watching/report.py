"""The tables of the watching benchmark."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.figures import Row, at_most, goals
from benchmarks.results import Table
from benchmarks.watching.measures import PEER

Found = dict[tuple[str, int], Mapping[str, float]]
LOOK_SECONDS = 10
NOTES = (
    "The store holds the largest of the windows throughout. `read` is what was read of the window: a uniform sample "
    "once it is large, no share of which is off by more than `error` (with a certainty of 99 %). Evidently reads all "
    "of it, and is not measured above --peer-rows."
)


def tables(found: Found) -> list[Table]:
    """Looks, reports and the goals."""
    looks = Table("A look of the monitor", _rows(found, "look"), NOTES, lines=("window", "CPU s", f"{PEER}: CPU s"))
    reports = Table("A report", _rows(found, "report"), NOTES, lines=("window", "CPU s", f"{PEER}: CPU s"))
    return [looks, reports, *_goals(found)]


def _rows(found: Found, name: str) -> list[Row]:
    rows: list[Row] = []
    for (measured, window), one in found.items():
        if measured != name:
            continue
        peer = found.get((f"{PEER}, {name}", window), {})
        row: Row = {
            "window": window,
            "read": int(one["read"]),
            "error": f"{one['error']:.1%}" if one["error"] else "0",
            "wall s": one["wall"],
            "CPU s": one["cpu"],
            "store CPU s": one["store"],
            "peak MB": one["memory"] / 1e6,
            f"{PEER}: wall s": peer.get("wall"),
            f"{PEER}: CPU s": peer.get("cpu"),
            f"{PEER}: peak MB": peer["memory"] / 1e6 if peer else None,
            f"CPU, {PEER} / ours": peer["cpu"] / one["cpu"] if peer else None,
        }
        if "page" in one:
            row |= {"page MB": one["page"] / 1e6, f"{PEER}: page MB": peer["page"] / 1e6 if peer else None}
        rows.append(row)
    return rows


def _goals(found: Found) -> list[Table]:
    def of(name: str, window: int, figure: str) -> float | None:
        return found[name, window][figure] if (name, window) in found else None

    cpu, store, memory, page = (
        of("look", 100_000, "cpu"),
        of("look", 100_000, "store"),
        of("report", 1_000_000, "memory"),
        of("report", 1_000_000, "page"),
    )
    share = None if cpu is None else cpu / LOOK_SECONDS
    whole = None if cpu is None or store is None else (cpu + store) / LOOK_SECONDS
    return goals(
        at_most("a look at 100,000, s", of("look", 100_000, "wall"), 1),
        at_most("a look at 100,000 every 10 s, of a core", share, 0.1),
        at_most("the same with the embedded store's work", whole, 0.1),
        at_most("a report on 1,000,000, s", of("report", 1_000_000, "wall"), 60),
        at_most("a report on 1,000,000, peak MB", memory and memory / 1e6, 1_000),
        at_most("its page, MB", page and page / 1e6, 5),
    )
