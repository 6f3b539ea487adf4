"""The servers of this benchmark: the API, the limits under the same gunicorn file, and the store it drains to."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.load.processes import largest_mb
from benchmarks.model import RUN_ID
from embedded.layout import Layout, Ports
from embedded.services import apps, backends
from embedded.services.service import Service, free_port, stop

LIMITS = {
    "constant": ("benchmarks.load.limits:app", "/constant"),
    "JSON echo": ("benchmarks.load.limits:app", "/echo"),
}
API = "API"
PROBE_SECONDS = 0.005


@dataclass(frozen=True)
class Server:
    """A running server: where its master process listens, and the path to load."""

    name: str
    port: int
    pid: int
    path: str


@contextlib.contextmanager
def running(folder: Path, given: argparse.Namespace) -> Iterator[list[Server]]:
    """The store, the API and the limits, for the length of a `with` block; the API is the first."""
    store = backends.store(Layout(folder, replace(Ports(), store=given.store_port)))
    with contextlib.ExitStack() as stack:
        if not given.no_store:
            stack.enter_context(store.running(folder / "store.log"))
        services = {API: (api(folder, given), "/predict")}
        services |= {name: (limit(name, folder, given), LIMITS[name][1]) for name in LIMITS}
        servers = []
        for name, (service, path) in services.items():
            process = stack.enter_context(service.running(folder / f"{name}.log"))
            servers.append(Server(name, service.port or 0, process.pid, path))
        yield servers


def starts(folder: Path, given: argparse.Namespace, times: int) -> tuple[float, float]:
    """Start the API so many times: seconds from the command until it is ready, and MB of its largest worker."""
    seconds, resident_mb = [], []
    for _ in range(times):
        service, begun = api(folder, given), time.perf_counter()
        process = service.start(folder / "start.log")
        try:
            while not service.is_ready:
                if process.poll() is not None:
                    service.wait_ready(process, folder / "start.log")  # says why
                time.sleep(PROBE_SECONDS)
            seconds.append(time.perf_counter() - begun)
            resident_mb.append(largest_mb(process.pid))
        finally:
            stop(process)
    return statistics.median(seconds), statistics.median(resident_mb)


def api(folder: Path, given: argparse.Namespace) -> Service:
    """The API as the stack starts it, on a port of its own."""
    layout = Layout(folder, replace(Ports(), api=free_port()))
    return _with_settings(apps.api(layout), folder, layout.ports.api, given)


def limit(name: str, folder: Path, given: argparse.Namespace) -> Service:
    """A limit under the very same gunicorn file."""
    port = free_port()
    like = apps.api(Layout(folder, replace(Ports(), api=port)))
    service = replace(like, name=name, command=(*like.command[:-1], LIMITS[name][0]))
    return _with_settings(service, folder / name.replace(" ", "-"), port, given)


def _with_settings(service: Service, state: Path, port: int, given: argparse.Namespace) -> Service:
    environ = {
        "STATE_DIR": str(state),
        "RUN_ID": RUN_ID,
        "MONGO_URI": f"mongodb://127.0.0.1:{given.store_port}/?w=1&journal=false",
        "API_PORT": str(port),
        "API_WORKERS": str(given.workers),
        "API_THREADS": str(given.threads),
        "OUTBOX_SYNC": given.sync,
    }
    return replace(service, environ=environ)
