"""What must be true before anything starts; whatever is not is named at once, with the remedy."""

from __future__ import annotations

from dataclasses import asdict

from embedded import orphans
from embedded.console import say
from embedded.layout import Layout, find_executable
from embedded.service import accepts
from embedded.supervisor import Supervisor
from tabular.errors import Rejected

_PROGRAMS = ("ministack", "nx-27017", "mlflow", "prefect", "gunicorn", "supervisord")
# Which process of the stack listens on which port of the layout, where the names differ.
_LISTENER = {"consumer_metrics": "consumer"}


def check(layout: Layout, supervisor: Supervisor) -> None:
    """Raise Rejected naming every missing program and every taken port."""
    faults = [f"{name} is not installed: run 'make setup'" for name in _PROGRAMS if find_executable(name) is None]
    if not supervisor.is_running:
        supervisor.shut_down()  # it may still be at it
        if count := orphans.end_orphans(layout.state):
            say(f"ended {count} processes that an earlier run had left behind")
    faults += _taken_ports(layout, supervisor)
    if faults:
        raise Rejected("The stack cannot start yet:\n  - " + "\n  - ".join(faults))


def _taken_ports(layout: Layout, supervisor: Supervisor) -> list[str]:
    faults = []
    for name, port in asdict(layout.ports).items():
        listener = _LISTENER.get(name, name)
        ours = supervisor.is_running and supervisor.runs(listener)
        if not ours and accepts(port):
            variable = f"{name.upper()}_PORT"
            faults.append(
                f"port {port} ({listener}) is taken by another program: stop it ('ss -ltnp' shows which), "
                f"or choose another port: make run {variable}={port + 10_000 if port < 55_000 else port - 10_000}"
            )
    return faults
