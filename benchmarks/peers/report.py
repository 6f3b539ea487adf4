"""The tables of the peers benchmark: medians of the rounds, and ours beside each, round by round."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.harness.figures import Figures, at_least, at_most, goals, middle, ratio
from benchmarks.harness.plot import number
from benchmarks.harness.results import Table, Value
from benchmarks.peers.catalog import CONTENDERS
from benchmarks.peers.environments import versions
from benchmarks.peers.turn import Load

OURS, PLAIN = "ours", "FastAPI + uvicorn"
FOUR = ("mlflow models serve", "BentoML", "MLServer, in process", "MLServer, 2 workers", "Ray Serve")
CONSTANT, VIEW = "limit: constant response", "limit: constant Flask view"
PACKAGES = {"fastapi": "fastapi", "bentoml": "bentoml", "mlserver": "mlserver", "rayserve": "ray", "mlflow": "mlflow"}
Rounds = Mapping[str, Sequence[Figures]]


def tables(rounds: Rounds, failed: Mapping[str, str], load: Load) -> list[Table]:
    """What is printed and kept."""
    medians = {name: middle(figures) for name, figures in rounds.items()}
    found = [_saturation(rounds, medians, load)]
    if load.rates:
        found.append(_fixed(medians, load))
    found += _goals(rounds, load)
    if failed:
        found.append(Table("Not measured", [{"contender": name, "why": why[-300:]} for name, why in failed.items()]))
    return found


def _saturation(rounds: Rounds, medians: Mapping[str, Figures], load: Load) -> Table:
    rows: list[dict[str, Value]] = [
        {
            "contender": _named(name),
            "requests/s": one["full_requests_per_second"],
            "ours / it": ratio(rounds.get(OURS, ()), rounds[name], "full_requests_per_second"),
            "CPU, it / ours": ratio(rounds[name], rounds.get(OURS, ()), "full_cpu_us"),
            "p50 ms": one["full_p50_ms"],
            "p99 ms": one["full_p99_ms"],
            "errors": int(sum(figures["full_errors"] for figures in rounds[name])),
            "CPU us/request": one["full_cpu_us"],
            "store CPU us/request": one["store_cpu_us"] if _keeps(name) else None,
            "resident MB": one["full_resident_mb"],
            "start s": one["start_seconds"],
        }
        for name, one in medians.items()
    ]
    generator = max((one["full_generator_cpu"] for one in medians.values()), default=0.0)
    others = [figures["others_cpu"] for each in rounds.values() for figures in each]
    count = max((len(figures) for figures in rounds.values()), default=0)
    notes = (
        f"Medians of {count} rounds of {load.seconds:g} s after {load.warm_seconds:g} s of warming up, "
        f"{load.connections} connections. `ours / it` is the median of the ratios within a round. Ours writes every "
        "prediction to disk before its response and relays it to the store meanwhile; the naive design inserts and "
        "tells the monitor; the others keep nothing. CPU and memory are those of the server's whole process tree, the "
        "store beside them. Start is from the command to the first prediction. "
        f"wrk used at most {generator:.0%} of a core; what else ran on the machine took {_share(others)} of its cores."
    )
    return Table("One row a request, at saturation", rows, notes, bars=("contender", "requests/s"))


def _fixed(medians: Mapping[str, Figures], load: Load) -> Table:
    rows = []
    for name, one in medians.items():
        row: dict[str, Value] = {"contender": name}
        for rate in load.rates:
            row |= {
                f"{rate}/s: p50 ms": one[f"{rate}_p50_ms"],
                f"{rate}/s: p99 ms": one[f"{rate}_p99_ms"],
                f"{rate}/s: served": f"{min(one[f'{rate}_requests_per_second'] / rate, 1):.1%}",
            }
        rows.append(row)
    lag = max((one[f"{rate}_lag_p99_ms"] for one in medians.values() for rate in load.rates), default=0.0)
    notes = (
        f"{load.paced_seconds:g} s at each rate. Requests are sent when they are due, whether or not the one before "
        "has a response, and a latency counts from then: a server that cannot keep up shows its queue. `served` is "
        "what came back with 200, the last within 5 s of the end. The generator sent 99 % of the requests within "
        f"{number(lag)} ms of their time, in the worst case of all."
    )
    return Table("One row a request, at fixed rates", rows, notes)


def _goals(rounds: Rounds, load: Load) -> list[Table]:
    def over(name: str, figure: str) -> float | None:
        return ratio(rounds.get(OURS, ()), rounds.get(name, ()), figure)

    def all_over(names: Sequence[str], figure: str) -> list[float]:
        return [found for name in names if (found := over(name, figure)) is not None]

    rate = "full_requests_per_second"
    peers = [name for name in rounds if name != OURS and not name.startswith("limit")]
    shown = {"full": "at saturation"} | {str(rate): f"at {rate}/s" for rate in load.rates}
    return goals(
        at_least(
            "requests/s over the best of mlflow, BentoML, MLServer, Ray Serve",
            min(all_over(FOUR, rate), default=None),
            6,
        ),
        at_least("requests/s over FastAPI + uvicorn", over(PLAIN, rate), 1.7),
        at_least("requests/s over a constant Flask view", over(VIEW, rate), 0.8),
        at_least("requests/s over the constant response", over(CONSTANT, rate), 0.5),
        at_most("CPU a request over the constant response", over(CONSTANT, "full_cpu_us"), 3),
        *(
            at_most(f"p99 {when} over the best peer's", max(all_over(peers, f"{key}_p99_ms"), default=None), 1)
            for key, when in shown.items()
        ),
    )


def _share(others: Sequence[float]) -> str:
    return f"{statistics.median(others):.0%} (median; {max(others):.0%} at worst)" if others else "nothing"


def _named(name: str) -> str:
    peer = next(one.peer for one in CONTENDERS if one.name == name)
    version = versions(peer, PACKAGES[peer]) if peer in PACKAGES else ""
    return f"{name} {version}".rstrip()


def _keeps(name: str) -> bool:
    return next(one.keeps_predictions for one in CONTENDERS if one.name == name)
