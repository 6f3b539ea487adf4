"""The tables of the peers benchmark: medians of the rounds, and ours beside each, round by round."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.environments import versions
from benchmarks.peers.turn import Figures, Load
from benchmarks.plot import number
from benchmarks.results import Table, Value

OURS, PLAIN = "ours", "FastAPI + uvicorn"
FOUR = ("mlflow models serve", "BentoML", "MLServer, in process", "MLServer, 2 workers", "Ray Serve")
CONSTANT = "limit: constant view"
PACKAGES = {"fastapi": "fastapi", "bentoml": "bentoml", "mlserver": "mlserver", "rayserve": "ray", "mlflow": "mlflow"}
Rounds = Mapping[str, Sequence[Figures]]


def tables(rounds: Rounds, failed: Mapping[str, str], load: Load) -> list[Table]:
    """What is printed and kept."""
    middle = {name: _median(figures) for name, figures in rounds.items()}
    found = [_saturation(rounds, middle, load)]
    if load.rates:
        found.append(_fixed(middle, load))
    if (targets := _targets(rounds, middle, load)).rows:
        found.append(targets)
    if failed:
        found.append(Table("Not measured", [{"contender": name, "why": why[-300:]} for name, why in failed.items()]))
    return found


def _saturation(rounds: Rounds, middle: Mapping[str, Figures], load: Load) -> Table:
    rows: list[dict[str, Value]] = [
        {
            "contender": _named(name),
            "requests/s": one["full_requests_per_second"],
            "ours / it": _ratio(rounds, OURS, name, "full_requests_per_second"),
            "CPU, it / ours": _ratio(rounds, name, OURS, "cpu_us"),
            "p50 ms": one["full_p50_ms"],
            "p99 ms": one["full_p99_ms"],
            "errors": int(sum(figures["full_errors"] for figures in rounds[name])),
            "CPU us/request": one["cpu_us"],
            "store CPU us/request": one["store_cpu_us"] if _keeps(name) else None,
            "resident MB": one["resident_mb"],
            "start s": one["start_seconds"],
        }
        for name, one in middle.items()
    ]
    generator = max((one["full_generator_cpu"] for one in middle.values()), default=0.0)
    others = [figures["others_cpu"] for each in rounds.values() for figures in each]
    count = max((len(figures) for figures in rounds.values()), default=0)
    notes = (
        f"Medians of {count} rounds of {load.seconds:g} s after {load.warm_seconds:g} s of warming up, "
        f"{load.connections} connections. `ours / it` is the median of the ratios within a round. Ours writes every "
        "prediction to disk before its answer and drains it to the store meanwhile; the naive design inserts and tells "
        "the monitor; the others keep nothing. CPU and memory are those of the server's whole process tree, the store "
        "beside them. Start is from the command to the first answered prediction. "
        f"wrk used at most {generator:.0%} of a core; what else ran on the machine took {_share(others)} of its cores."
    )
    return Table("One row a request, at saturation", rows, notes, bars=("contender", "requests/s"))


def _fixed(middle: Mapping[str, Figures], load: Load) -> Table:
    rows = []
    for name, one in middle.items():
        row: dict[str, Value] = {"contender": name}
        for rate in load.rates:
            row |= {
                f"{rate}/s: p50 ms": one[f"{rate}_p50_ms"],
                f"{rate}/s: p99 ms": one[f"{rate}_p99_ms"],
                f"{rate}/s: answered": f"{min(one[f'{rate}_requests_per_second'] / rate, 1):.1%}",
            }
        rows.append(row)
    lag = max((one[f"{rate}_lag_p99_ms"] for one in middle.values() for rate in load.rates), default=0.0)
    notes = (
        "Requests are sent when they are due, answered or not the one before, and a latency counts from then: who "
        "cannot keep up shows his queue. `answered` is what came back with 200, the last within 5 s of the end. The "
        f"generator sent 99 % of the requests within {number(lag)} ms of their time, in the worst case of all."
    )
    return Table("One row a request, at fixed rates", rows, notes)


def _targets(rounds: Rounds, middle: Mapping[str, Figures], load: Load) -> Table:
    rows: list[dict[str, Value]] = []

    def add(target: str, found: float | None, wanted: float, *, at_least: bool) -> None:
        if found is not None:
            met = found >= wanted if at_least else found <= wanted
            sign = "≥" if at_least else "≤"
            rows.append(
                {"target": target, "wanted": f"{sign} {wanted:g}", "found": found, "met": "yes" if met else "no"}
            )

    rate = "full_requests_per_second"
    four = [ratio for name in FOUR if (ratio := _ratio(rounds, OURS, name, rate)) is not None]
    add("requests/s over the best of mlflow, BentoML, MLServer, Ray Serve", min(four, default=None), 6, at_least=True)
    add("requests/s over FastAPI + uvicorn", _ratio(rounds, OURS, PLAIN, rate), 1.7, at_least=True)
    add("requests/s over the constant view", _ratio(rounds, OURS, CONSTANT, rate), 0.8, at_least=True)
    add("CPU a request over the constant view", _ratio(rounds, OURS, CONSTANT, "cpu_us"), 1.25, at_least=False)
    peers = [name for name in middle if name != OURS and not name.startswith("limit")]
    for key, shown in (("full", "at saturation"), *((str(rate), f"at {rate}/s") for rate in load.rates)):
        worst = [ratio for name in peers if (ratio := _ratio(rounds, OURS, name, f"{key}_p99_ms")) is not None]
        add(f"p99 {shown} over the best peer's", max(worst, default=None), 1, at_least=False)
    return Table("The targets", rows)


def _ratio(rounds: Rounds, one: str, other: str, figure: str) -> float | None:
    """The median over the rounds of one contender's figure over another's; None if either was not measured."""
    pairs = list(zip(rounds.get(one, ()), rounds.get(other, ()), strict=False))
    return statistics.median(mine[figure] / theirs[figure] for mine, theirs in pairs) if pairs else None


def _share(others: Sequence[float]) -> str:
    return f"{statistics.median(others):.0%} (median; {max(others):.0%} at worst)" if others else "nothing"


def _median(rounds: Sequence[Figures]) -> Figures:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def _named(name: str) -> str:
    peer = next(one.peer for one in CONTENDERS if one.name == name)
    version = versions(peer, PACKAGES[peer]) if peer in PACKAGES else ""
    return f"{name} {version}".rstrip()


def _keeps(name: str) -> bool:
    return next(one.keeps_predictions for one in CONTENDERS if one.name == name)


def show(found: Sequence[Table]) -> None:
    """Print the tables."""
    for table in found:
        print(f"\n{table.title}")
        heads = list(table.rows[0]) if table.rows else []
        cells = [heads, *([_cell(row[head]) for head in heads] for row in table.rows)]
        widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
        for line in cells:
            first, *others = (
                cell.ljust(width) if not at else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            print("  ".join([first, *others]))
        print(table.notes)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else str(value)
