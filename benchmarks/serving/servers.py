"""The servers of this benchmark: the API, the limits under the same gunicorn file, and the store it relays to."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import stack
from benchmarks.harness.figures import Figures
from benchmarks.harness.model import RUN_ID
from benchmarks.harness.processes import largest_mb
from benchmarks.harness.wrk import loaded
from embedded.layout import Layout
from embedded.services import backends
from embedded.services.service import Service, stop

API, CONSTANT, ECHO, WITHOUT_EXPLAIN = "API", "constant", "JSON echo", "API without explanations"
PATHS = {API: "/predict", CONSTANT: "/constant", ECHO: "/echo", WITHOUT_EXPLAIN: "/predict"}
LIMITS = "benchmarks.harness.limits:app"
APPLICATIONS = {
    API: "",
    CONSTANT: LIMITS,
    ECHO: LIMITS,
    WITHOUT_EXPLAIN: "benchmarks.serving.without_explain:create_app()",
}
PROBE_SECONDS = 0.005


@dataclass(frozen=True)
class Server:
    """A running server: where its master process listens, and the path to load."""

    name: str
    port: int
    pid: int
    path: str

    def loaded(self, bodies: Path, seconds: float, connections: int, path: str = "") -> Figures:
        """What wrk found, and what the server's processes took."""
        return loaded(self.pid, self.port, path or self.path, bodies, seconds, connections)


@contextlib.contextmanager
def running(layout: Layout, given: argparse.Namespace) -> Iterator[list[Server]]:
    """The store, the API, the limits and the API without explanations, for the length of a `with` block, in order."""
    with contextlib.ExitStack() as started:
        if not given.no_store:
            started.enter_context(backends.store(layout).running(layout.logs / "store.log"))
        (layout.folder(_folder(WITHOUT_EXPLAIN)) / "bundles").symlink_to(layout.state / "bundles")
        servers = []
        for name, path in PATHS.items():
            service = _service(name, layout, given)
            process = started.enter_context(service.running(layout.logs / f"{name}.log"))
            servers.append(Server(name, service.port or 0, process.pid, path))
        yield servers


def starts(layout: Layout, given: argparse.Namespace, times: int) -> tuple[float, float]:
    """Start the API so many times: seconds from the command until it is ready, and MB of its largest worker."""
    seconds, resident_mb, log = [], [], layout.logs / "start.log"
    for _ in range(times):
        service, begun = _service(API, layout, given), time.perf_counter()
        process = service.start(log)
        try:
            while not service.is_ready:
                if process.poll() is not None:
                    service.wait_ready(process, log)  # raises with the end of the log
                time.sleep(PROBE_SECONDS)
            seconds.append(time.perf_counter() - begun)
            resident_mb.append(largest_mb(process.pid))
        finally:
            stop(process)
    return statistics.median(seconds), statistics.median(resident_mb)


def _service(name: str, layout: Layout, given: argparse.Namespace) -> Service:
    state = layout.state if name == API else layout.folder(_folder(name))
    return stack.api(
        state,
        APPLICATIONS[name],
        RUN_ID=RUN_ID,
        MONGO_URI=f"mongodb://127.0.0.1:{layout.ports.store}/?w=1&journal=false",
        API_WORKERS=str(given.workers),
        API_THREADS=str(given.threads),
        OUTBOX_SYNC=given.sync,
    )


def _folder(name: str) -> str:
    return name.replace(" ", "-")
