"""What explaining scores costs those who do not ask for it: the API beside itself without the code that explains."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.figures import Row, at_least, middle, ratio
from benchmarks.harness.model import Record
from benchmarks.harness.results import Table
from benchmarks.harness.wrk import written
from benchmarks.serving.measure import CONNECTIONS, PAYLOADS, WARM_SECONDS, Rounds, alternating
from benchmarks.serving.servers import API, WITHOUT_EXPLAIN, Server

COMPARED = 20
RATE = "requests_per_second"
VARYING = "prediction_id"


def compare(servers: Sequence[Server], records: Sequence[Record]) -> None:
    """Exit if the servers respond otherwise to any of some rows."""
    for record in records[:COMPARED]:
        if len({_response(server, record) for server in servers}) > 1:
            sys.exit("the API responds otherwise without the code that explains")


def rounds_of(servers: Sequence[Server], folder: Path, records: Sequence[Record], rounds: int, seconds: int) -> Rounds:
    """Single rows at saturation, the two servers in turn."""
    bodies = written(folder / "explaining" / "bodies", records[:PAYLOADS])
    compare(servers, records)
    named = {server.name: server for server in servers}
    for server in servers:
        server.loaded(bodies, WARM_SECONDS, CONNECTIONS)
    return alternating(list(named), rounds, lambda name: named[name].loaded(bodies, seconds, CONNECTIONS))


def table(rounds: Rounds) -> Table:
    """Both, side by side."""
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
                "p99 ms": one["p99_ms"],
                "errors": int(sum(each["errors"] for each in figures)),
            }
        )
    notes = (
        f"Plain rows, which nobody wants explained, {CONNECTIONS} connections, medians of {len(rounds[API])} turns; "
        "each server comes first in every second turn, and ratios are taken within a turn. The other server is the "
        "same code without what asks whether a row is to be explained."
    )
    return Table("Plain rows, with explanations in the code and without", rows, notes)


def met(rounds: Rounds) -> list[Row]:
    """The goal beside what was found."""
    found = ratio(rounds[API], rounds[WITHOUT_EXPLAIN], RATE)
    return at_least("requests/s of plain rows over the same code without explanations", found, 0.97)


def _response(server: Server, record: Record) -> str:
    address = f"http://127.0.0.1:{server.port}{server.path}"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(record).encode(), headers)
    with urllib.request.urlopen(request) as response:
        said = json.load(response)
    return json.dumps({name: value for name, value in said.items() if name != VARYING})
