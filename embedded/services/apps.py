"""Our own services as processes of the stack, and Nginx if it is installed."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from embedded.environment import prefect_client_environ
from embedded.layout import PROJECT, Layout, executable, filled_in, find_executable, program
from embedded.services.backends import PREFECT_LOGS
from embedded.services.logins import prefect_login
from embedded.services.prefect_worker import WORK_POOL, WORKER, worker_has_reported
from embedded.services.service import Service, tail
from tabular.process.allowed_hosts import ANY, names_of
from tabular.settings import Settings

PORTS_APART = 10
"""The distance between the metrics ports of two consumers."""


def worker(layout: Layout, settings: Settings) -> Service:
    """The Prefect worker, which runs the flows; raises InvalidSetting for a malformed login."""
    # Before it starts, runs whose process was killed are marked as crashed.
    start = '"$1" -m model_orchestration.interrupted_runs; shift; exec "$@"'
    prefect = (*program("prefect"), "worker", "start", "--pool", WORK_POOL, "--name", WORKER)
    command = ("/bin/sh", "-c", start, "sh", sys.executable, *prefect)
    environ = {**prefect_client_environ(layout, settings), **PREFECT_LOGS}
    has_heartbeat = partial(worker_has_reported, layout.ports.prefect, environ["PREFECT_API_AUTH_STRING"])
    return Service("worker", command, environ=environ, has_reported=has_heartbeat)


def api(layout: Layout) -> Service:
    """The API, under gunicorn."""
    config = str(PROJECT / "server" / "gunicorn.conf.py")
    return Service(
        name="api",
        command=(*program("gunicorn"), "--config", config, "server.api.app:create_app()"),
        port=layout.ports.api,
        ready_url=f"http://127.0.0.1:{layout.ports.api}/health/ready",
    )


def consumer(layout: Layout, number: int = 1) -> Service:
    """The stream consumer, or a further one that shares its stream; each has its own name and metrics port."""
    name = "consumer" if number == 1 else f"consumer-{number}"
    port = consumer_port(layout, number)
    # With a stable name, a restarted consumer reacquires its shards without waiting for its leases to expire.
    environ = {"CONSUMER_NAME": name, "CONSUMER_METRICS_PORT": str(port)}
    return replace(_module(name, "server.stream.consumer", port, "/metrics"), environ=environ)


def shadow(layout: Layout) -> Service:
    """The shadow, which scores and judges challengers."""
    return _module("shadow", "server.shadow", layout.ports.shadow_metrics, "/metrics")


def monitor(layout: Layout, settings: Settings) -> Service:
    """The monitor, whose alarms start a flow; raises InvalidSetting for a malformed login."""
    environ = {
        "MONITOR_PREFECT_URL": f"http://127.0.0.1:{layout.ports.prefect}/api",
        "MONITOR_PREFECT_AUTH_STRING": prefect_login(layout, settings.prefect_auth_string),
    }
    return replace(_module("monitor", "monitoring.exporter", layout.ports.monitor, "/metrics"), environ=environ)


def reports(layout: Layout, settings: Settings) -> Service:
    """Nginx over the reports folder, or our own file server if Nginx is not installed."""
    port = layout.ports.reports
    if find_executable("nginx") is None:
        return _module("reports", "reporting.static_server", port, "/")
    folder = layout.folder("nginx")
    layout.folder("reports")
    config = folder / "nginx.conf"
    values = {
        "REPORTS_HOST": "127.0.0.1",
        "REPORTS_PORT": str(port),
        "REPORTS_NAMES": " ".join(names_of(settings.allowed_hosts)).replace(ANY, "~^"),
        # Relative to its folder, because Nginx's configuration does not allow every character of a path.
        "REPORTS_DIR": f"../{layout.reports.name}",
        "RUN_DIR": ".",
    }
    config.write_text(filled_in(PROJECT / "reporting" / "nginx" / "nginx.conf", values))
    # If root starts it, its workers would run as a user who cannot read root's reports.
    directives = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"
    command = (executable("nginx"), "-p", ".", "-c", config.name, "-g", directives)
    # It overwrites its environment with its process title; orphans are recognised by the working folder instead.
    return Service(name="reports", command=command, port=port, working_folder=folder)


def simulator(layout: Layout, target: str, settings: Settings) -> Service:
    """A simulator that sends rows of the table to the target, `api` or `kinesis`."""
    command = [sys.executable, "-m", f"simulation_business.send_data_{target}"]
    command += ["--rate", f"{settings.simulator_rate_per_second:g}"]
    if target == "api":
        command += ["--url", f"http://127.0.0.1:{layout.ports.api}"]
    if settings.simulator_shift:
        command += ["--shift", settings.simulator_shift]
    name = f"send-data-{target}"
    return Service(name, tuple(command), has_reported=partial(_is_sending, layout.logs / f"{name}.log"))


def consumer_port(layout: Layout, number: int) -> int:
    """The metrics port of consumer `number`, counted from 1."""
    return layout.ports.consumer_metrics + PORTS_APART * (number - 1)


def _is_sending(log_file: Path, since_seconds: float) -> bool:
    """True if the last line of the log, written since then, reports rows that were sent."""
    try:
        is_new = log_file.stat().st_mtime >= since_seconds
    except FileNotFoundError:
        return False
    return is_new and tail(log_file, 1).startswith(("sending ", "sent "))


def _module(name: str, module: str, port: int, path: str) -> Service:
    return Service(
        name=name,
        command=(sys.executable, "-m", module),
        port=port,
        ready_url=f"http://127.0.0.1:{port}{path}",
    )
