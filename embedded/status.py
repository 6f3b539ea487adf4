"""Shows the processes of the stack, with uptime and memory, and their addresses."""

from __future__ import annotations

import os
import time
from pathlib import Path

from embedded.console import console, table
from embedded.operate import Stack
from embedded.services.logins import NAME, prefect_login, prometheus_password
from embedded.services.stack import MORE_CONSUMERS, left_out, serving
from embedded.supervision import orphans

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


ADDRESSES = ("page", "address", "login")


def urls(stack: Stack) -> list[tuple[str, ...]]:
    """The name, address and login of each page of the stack."""
    ports = stack.layout.ports
    prefect = prefect_login(stack.layout, stack.settings.prefect_auth_string)
    pages = [
        ("Front page: model health, drift reports", ports.reports, "", ""),
        ("MLflow: runs and registry", ports.mlflow, "/#/experiments?workflowType=machine_learning", ""),
        ("Prefect: flows", ports.prefect, "", prefect),
        ("API: a form for predictions", ports.api, "", ""),
        ("Monitor: drift gauges", ports.monitor, "/metrics", ""),
        ("S3 and Kinesis", ports.emulator, "", ""),
    ]
    if "prometheus" not in left_out():
        login = f"{NAME}:{prometheus_password(stack.layout)}"
        pages.insert(-1, ("Prometheus: history and alerts", ports.prometheus, "", login))
    rows = [(what, f"http://127.0.0.1:{port}{path}", login) for what, port, path, login in pages]
    return [*rows, ("Prediction store", f"mongodb://127.0.0.1:{ports.store}", "")]


def status(stack: Stack) -> bool:
    """Print every process; returns True if all that should run do."""
    if not stack.supervisor.is_running:
        left = len(orphans.find_orphans(stack.layout.state))
        lost = f"The supervisor is not running, but {left} of its processes are. To stop them: make stop"
        console.print(lost if left else "Nothing is running. To start the loop: make run")
        return False
    sizes = _resident_bytes_by_group()
    rows, total_bytes, well = [], 0, True
    unwanted = MORE_CONSUMERS.keys() - serving(stack.settings)
    for process in stack.supervisor.processes():
        state, is_up = str(process["statename"]).lower(), process["pid"] != 0
        if not is_up and process["name"] in unwanted:
            continue
        size = sizes.get(process["pid"], 0)
        total_bytes += size
        well = well and (is_up or process["name"] in left_out())
        since = f"{_duration(time.time() - process['start'])}" if is_up else ""
        rows.append((process["name"], state, str(process["pid"] or ""), since, f"{size / 1e6:.0f} MB" if is_up else ""))
    table("Processes", rows, ("name", "state", "pid", "uptime", "memory"))
    console.print(f"\n{total_bytes / 1e6:.0f} MB resident in total\n")
    table("Addresses", urls(stack), ADDRESSES)
    return well


def _resident_bytes_by_group() -> dict[int, int]:
    sizes: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = int((folder / "stat").read_text().rpartition(")")[2].split()[2])
            pages = int((folder / "statm").read_text().split()[1])
        except OSError:  # it ended meanwhile
            continue
        sizes[group] = sizes.get(group, 0) + pages * _PAGE_BYTES
    return sizes


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
