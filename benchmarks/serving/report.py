"""The tables of the serving benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from functools import partial

from benchmarks.harness.figures import Row, at_least, at_most, goals, middle, ratio
from benchmarks.harness.results import Table
from benchmarks.serving.measure import ONE, Batch, Rounds
from benchmarks.serving.servers import API, CONSTANT, ECHO

RATE = "requests_per_second"


def full(rounds: Rounds, setting: str) -> Table:
    """Single rows at saturation; the ratios are the API's over each limit's."""
    rows: list[Row] = []
    for name, figures in rounds.items():
        one = middle(figures)
        rows.append(
            {
                "server": name,
                "requests/s": one[RATE],
                "API / it": ratio(rounds[API], figures, RATE),
                "CPU us/request": one["cpu_us"],
                "CPU, API / it": ratio(rounds[API], figures, "cpu_us"),
                "p50 ms": one["p50_ms"],
                "p99 ms": one["p99_ms"],
                "errors": int(sum(each["errors"] for each in figures)),
                "MB a worker": one["worker_mb"],
            }
        )
    notes = (
        f"Medians of {len(rounds[API])} rounds, 32 connections; ratios are taken within a round. The limits respond "
        f"under the same gunicorn file and keep nothing. {setting}"
    )
    return Table("Single rows at saturation", rows, notes, bars=("server", "requests/s"))


def paced(found: Mapping[int, Rounds]) -> Table:
    """Single rows at fixed rates."""
    rows: list[Row] = []
    for rate, rounds in found.items():
        for name, figures in rounds.items():
            one = middle(figures)
            rows.append(
                {
                    "server": f"{name}, {rate}/s",
                    "p50 ms": one["p50_ms"],
                    "p99 ms": one["p99_ms"],
                    "p99, API / it": ratio(rounds[API], figures, "p99_ms"),
                    "served": f"{min(one[RATE] / rate, 1):.1%}",
                    "errors": int(sum(each["errors"] for each in figures)),
                }
            )
    return Table("Single rows at fixed rates", rows, "A latency counts from when the request was due.")


def batches(found: Mapping[int, Batch], workers: int) -> Table:
    """Batches; XGBoost alone has one thread for each worker and its matrix ready."""
    rows: list[Row] = []
    for size, batch in found.items():
        one, raw = middle(batch.rounds[API]), statistics.median(batch.raw_us)
        rows.append(
            {
                "rows a request": size,
                "rows/s": one[RATE] * size,
                "rows/s / XGBoost alone": batch.share_of_raw(API, workers, size),
                "JSON echo's / XGBoost alone": batch.share_of_raw(ECHO, workers, size),
                "one connection / one thread": batch.share_of_raw(ONE, 1, size),
                "CPU us/row": one["cpu_us"] / size,
                "XGBoost alone, CPU us/row": raw,
                "p50 ms": one["p50_ms"],
                "p99 ms": one["p99_ms"],
                "errors": int(one["errors"]),
                "MB a worker": one["worker_mb"],
            }
        )
    notes = (
        "4 connections, and one for the column that says so. XGBoost alone is `inplace_predict` on a matrix that is "
        "ready, one thread for each worker, all at once (or one thread). The JSON echo decodes the same "
        "body and encodes it again, and does nothing else. The API's CPU is its own and the relay process's."
    )
    return Table(
        "Batches", rows, notes, lines=("rows a request", "rows/s / XGBoost alone", "JSON echo's / XGBoost alone")
    )


def met(
    rounds: Rounds, found: Mapping[int, Batch], start: tuple[float, float], workers: int, others: list[Row]
) -> list[Table]:
    """The goals beside what was found; `others` are those of further measurements."""
    biggest_mb = max(one["worker_mb"] for batch in found.values() for one in batch.rounds[API])
    thousand = found[1_000].rounds[API]
    share = partial(found[1_000].share_of_raw, size=1_000)
    return goals(
        at_least("requests/s over the constant response", ratio(rounds[API], rounds[CONSTANT], RATE), 0.5),
        at_most("CPU a request over the constant response", ratio(rounds[API], rounds[CONSTANT], "cpu_us"), 3),
        at_least("batch of 1,000, one connection: rows/s over one thread of XGBoost", share(ONE, 1), 0.5),
        at_least("batch of 1,000, every core, beside the store: rows/s over XGBoost", share(API, workers), 0.5),
        at_most(
            "batch of 1,000: a worker's MB, last round over first",
            thousand[-1]["worker_mb"] / thousand[0]["worker_mb"],
            1.1,
        ),
        at_most("seconds from the command until ready", start[0], 1.5),
        at_most("MB a worker, just started", start[1], 250),
        at_most("MB a worker, after single rows", middle(rounds[API])["worker_mb"], 250),
        at_most("MB a worker, largest in batches", biggest_mb, 250),
        others,
        notes="The goals against other servers are those of `make bench-peers`.",
    )
