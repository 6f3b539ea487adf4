"""What a shadow and labels cost who asks for predictions: the API alone, and beside both, turn by turn."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.harness import stack
from benchmarks.harness.figures import Figures, Row, at_least, at_most, middle, ratio
from benchmarks.harness.model import Made, make
from benchmarks.harness.processes import usage
from benchmarks.harness.results import Table
from benchmarks.harness.wrk import written
from benchmarks.serving.measure import BATCH, CONNECTIONS, PAYLOADS, SINGLE, WARM_SECONDS, Rounds, alternating
from benchmarks.serving.servers import Server
from embedded.drill.gauges import gauge
from embedded.environment import process_environ
from embedded.layout import Layout
from embedded.services import apps, backends
from tabular.ports.registry import BUNDLE, CHAMPION
from tabular.promotion.challenger import challenge
from tabular.promotion.parts import Parts, parts_of
from tabular.settings import load_settings
from tabular.wiring import Wiring

ALONE, BESIDE = "alone", "beside a shadow and labels"
RATE = "requests_per_second"
LABELS_A_REQUEST, LABELS_EVERY_SECONDS = 25, 0.25
SETTLES_SECONDS = 3.0
"""The shadow reads no prediction that is younger: without rows to score it would cost nothing."""


@dataclass
class Beside:
    """The shadow, whose process is stopped but for the turns beside it, the store, and the labels of those turns."""

    server: Server
    shadow_pid: int
    store_pid: int
    labels: list[dict[str, str]]
    sent: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let the shadow score, and send labels, for as long as a block lasts."""
        self._over.clear()
        sender = threading.Thread(target=self._send)
        os.kill(self.shadow_pid, signal.SIGCONT)
        sender.start()
        try:
            yield
        finally:
            self._over.set()
            sender.join()
            os.kill(self.shadow_pid, signal.SIGSTOP)

    def _send(self) -> None:
        while not self._over.wait(LABELS_EVERY_SECONDS):
            first = self.sent % len(self.labels)
            part = self.labels[first : first + LABELS_A_REQUEST]
            _post(self.server.port, "/labels", part)
            self.sent += len(part)


def rounds_of(folder: Path, made: Made, rounds: int, seconds: int) -> Rounds:
    """Single rows at saturation, alone and beside both in turn."""
    bodies = written(folder / "shadowed" / "bodies", made.records[:PAYLOADS])
    with _started(folder / "shadowed" / "state", made) as (server, layout, shadow_pid, store_pid):
        server.loaded(bodies, WARM_SECONDS, CONNECTIONS)
        beside = Beside(server, shadow_pid, store_pid, _labels(server, made))
        time.sleep(SETTLES_SECONDS)
        with beside.running():
            _await_scores(layout)
        return alternating(
            (ALONE, BESIDE),
            rounds,
            lambda name: _turn(bodies, seconds, layout, beside, is_beside=name == BESIDE),
        )


def table(rounds: Rounds) -> Table:
    """Both, side by side."""
    rows: list[Row] = []
    for name, figures in rounds.items():
        one = middle(figures)
        rows.append(
            {
                "the API": name,
                "requests/s": one[RATE],
                "it / alone": ratio(figures, rounds[ALONE], RATE),
                "CPU us/request": one["cpu_us"],
                "p99 ms": one["p99_ms"],
                "errors": int(sum(each["errors"] for each in figures)),
                "rows scored in the shadow/s": one["scored"],
                "labels/s": one["labels"],
                "shadow, of a core": one["shadow_cores"],
                "store, of a core": one["store_cores"],
            }
        )
    notes = (
        f"Single rows, {CONNECTIONS} connections, medians of {len(rounds[ALONE])} turns; ratios are taken within a "
        "turn. The shadow is `python -m server.shadow` with a challenger, on the same cores as the API, the store and "
        "wrk; in the other turns its process is stopped. Labels come over HTTP, of predictions that are stored."
    )
    return Table("Single rows beside a shadow and labels", rows, notes)


def met(rounds: Rounds) -> list[Row]:
    """The goals beside what was found: with both cores taken, and of what the API itself does for a request."""
    rate, cpu = (ratio(rounds[BESIDE], rounds[ALONE], name) for name in (RATE, "cpu_us"))
    return [
        *at_least("requests/s beside a shadow and labels over the API alone, on the same two cores", rate, 0.97),
        *at_most("CPU of a request beside a shadow and labels over the API alone", cpu, 1.03),
    ]


def _turn(bodies: Path, seconds: int, layout: Layout, beside: Beside, *, is_beside: bool) -> Figures:
    with beside.running() if is_beside else contextlib.nullcontext():
        before, began = _so_far(layout, beside, is_beside=is_beside), time.monotonic()
        found = beside.server.loaded(bodies, seconds, CONNECTIONS)
        took, after = time.monotonic() - began, _so_far(layout, beside, is_beside=is_beside)
    return found | {name: (after[name] - before[name]) / took for name in after}


def _so_far(layout: Layout, beside: Beside, *, is_beside: bool) -> dict[str, float]:
    """Rows that were scored, labels that were sent, and what CPU time was used, in seconds."""
    pids = {"shadow_cores": beside.shadow_pid, "store_cores": beside.store_pid}
    used = {name: usage({pid}).cpu_seconds for name, pid in pids.items()}
    scored = _scored(layout) if is_beside else 0.0  # a process that is stopped does not say
    return {"scored": scored, "labels": float(beside.sent), **used}


@contextlib.contextmanager
def _started(state: Path, made: Made) -> Iterator[tuple[Server, Layout, int, int]]:
    """Store, registry, API and a shadow that is stopped, with a champion and a challenger."""
    layout = stack.free_layout(state)
    environ = process_environ(layout, {"RUN_ID": "", "SHADOW_POLL_SECONDS": "0.2"})
    with contextlib.ExitStack() as started:
        store, _ = (
            started.enter_context(service.running(layout.logs / f"{service.name}.log"))
            for service in (backends.store(layout), backends.mlflow(layout))
        )
        parts = parts_of(Wiring(load_settings(environ)))
        champion = _registered(parts, made, CHAMPION)
        challenger = make(state / "other", rows=2_000, rounds=len(made.booster.get_dump()))
        challenge(parts, _registered(parts, challenger, None), "benchmark", "It is to be compared.")
        environ |= {"RUN_ID": champion}  # whatever the labels say, it stays the one that serves
        api = replace(apps.api(layout), environ=environ)
        serving = started.enter_context(api.running(layout.logs / "api.log"))
        shadow = replace(apps.shadow(layout), environ=environ)
        process = started.enter_context(shadow.running(layout.logs / "shadow.log"))
        os.kill(process.pid, signal.SIGSTOP)
        started.callback(os.kill, process.pid, signal.SIGCONT)
        yield Server("API", layout.ports.api, serving.pid, SINGLE), layout, process.pid, store.pid


def _registered(parts: Parts, made: Made, alias: str | None) -> str:
    run_id = parts.registry.start_run("benchmark", {})
    parts.registry.put_folder(run_id, made.bundle.folder, BUNDLE)
    parts.registry.finish(run_id)
    parts.registry.register(run_id, alias, {})
    return run_id


def _labels(server: Server, made: Made) -> list[dict[str, str]]:
    """The labels of some thousand predictions."""
    outcome = made.bundle.contract.target.classes[0]
    answers = _post(server.port, BATCH, made.records[:5_000])["predictions"]
    return [{"prediction_id": each["prediction_id"], "outcome": outcome} for each in answers]


def _await_scores(layout: Layout) -> None:
    until = time.monotonic() + 60
    while not _scored(layout):
        if time.monotonic() > until:
            sys.exit("the shadow scores nothing")
        time.sleep(0.2)


def _scored(layout: Layout) -> float:
    return gauge(layout.ports.shadow_metrics, "shadow_scores_total") or 0.0


def _post(port: int, path: str, body: Sequence[object]) -> dict[str, list[dict[str, str]]]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        said: dict[str, list[dict[str, str]]] = json.load(response)
    return said
