"""One contender's turn: start it, check its scores, load it, stop it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.figures import Figures
from benchmarks.harness.paced import at_rate
from benchmarks.harness.processes import machine_cpu_seconds
from benchmarks.harness.wrk import loaded, saturate
from benchmarks.peers.catalog import Around, Contender
from benchmarks.peers.model import SCORES
from embedded.services.service import Service, stop, tail

START_SECONDS, REQUEST_SECONDS = 120.0, 30.0
TOLERANCE = 1e-6
PROBE_SECONDS = 0.02
WARM_RATE = 200


class Failed(Exception):
    """The contender did not start, or did not respond with the model's scores."""


@dataclass(frozen=True)
class Load:
    """How much is asked of each contender in a turn; of so many responses the score is checked before."""

    seconds: float
    warm_seconds: float
    paced_seconds: float
    rates: tuple[int, ...]
    connections: int
    checked: int


def take(contender: Contender, around: Around, load: Load, store_cpu: Callable[[], float]) -> Figures:
    """The figures of one turn; raises Failed. `store_cpu` tells how many CPU seconds the store has used."""
    log = around.scratch / "log.txt"
    service = Service(contender.name, tuple(contender.command(around)), environ=contender.environment(around))
    began = time.perf_counter()
    try:
        process = service.start(log)
    except OSError as error:
        raise Failed(str(error)) from error
    try:
        _wait(contender, around, process, log)
        figures = {"start_seconds": time.perf_counter() - began}
        _check(contender, around, load.checked)
        return figures | _measure(contender, around, process.pid, load, store_cpu)
    finally:
        stop(process)


def _measure(contender: Contender, around: Around, pid: int, load: Load, store_cpu: Callable[[], float]) -> Figures:
    bodies = around.model / f"{contender.form}.ndjson"
    at_rate(around.port, contender.path, bodies, WARM_RATE, load.warm_seconds)
    figures: Figures = {}
    for rate in load.rates:  # before saturation, of which ours has a queue for the store left over
        time.sleep(0.5)
        paced = at_rate(around.port, contender.path, bodies, rate, load.paced_seconds)
        figures |= {f"{rate}_{name}": value for name, value in paced.items()}
    saturate(around.port, contender.path, bodies, load.warm_seconds, load.connections)
    store_before, machine_before, began = store_cpu(), machine_cpu_seconds(), time.perf_counter()
    full = loaded(pid, around.port, contender.path, bodies, load.seconds, load.connections)
    machine, store, seconds = (
        machine_cpu_seconds() - machine_before,
        store_cpu() - store_before,
        time.perf_counter() - began,
    )
    others = machine - full["cpu_seconds"] - store - full["generator_cpu"] * load.seconds
    figures |= {f"full_{name}": value for name, value in full.items()}
    figures["others_cpu"] = max(0.0, others) / seconds / len(os.sched_getaffinity(0))
    figures["store_cpu_us"] = 1e6 * store / max(full["requests"], 1)
    return figures


def _wait(contender: Contender, around: Around, process: subprocess.Popen[bytes], log: Path) -> None:
    # Ready is what responds with a prediction, whatever its health page says.
    first = _bodies(contender, around)[0]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"it exited with code {process.returncode}:\n{tail(log)}")
        try:
            _ask(contender, around, first)
        except (urllib.error.URLError, OSError):
            time.sleep(PROBE_SECONDS)
        else:
            return
    raise Failed(f"it served no prediction in {START_SECONDS:g} s:\n{tail(log)}")


def _check(contender: Contender, around: Around, checked: int) -> None:
    if contender.score is None:
        return
    wanted = json.loads((around.model / SCORES).read_text())[contender.scores]
    for body, right in list(zip(_bodies(contender, around), wanted, strict=True))[:checked]:
        try:
            got = contender.score(_ask(contender, around, body))
        except (OSError, LookupError, TypeError) as error:
            raise Failed(f"it did not respond to {body.decode()}: {error}") from error
        if not math.isclose(got, right, abs_tol=TOLERANCE):
            raise Failed(f"it responds with {got}, the model says {right}")


def _bodies(contender: Contender, around: Around) -> list[bytes]:
    return (around.model / f"{contender.form}.ndjson").read_bytes().splitlines()


def _ask(contender: Contender, around: Around, body: bytes) -> object:
    url = f"http://127.0.0.1:{around.port}{contender.path}"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:
        return json.loads(response.read())
