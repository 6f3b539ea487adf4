"""Checks before anything starts: every problem is reported at once, with its remedy."""

from __future__ import annotations

import errno
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from embedded.console import say
from embedded.layout import PROJECT, Layout, find_executable
from embedded.services.apps import consumer_port
from embedded.services.stack import MORE_CONSUMERS, left_out
from embedded.supervision import orphans
from embedded.supervision.sockets import is_listening
from embedded.supervision.supervisor import Supervisor
from tabular.errors import Rejected
from tabular.setting_groups.types import LAST_PORT

_PROGRAMS = ("ministack", "nx-27017", "mlflow", "prefect", "gunicorn", "supervisord")
# The process that listens on a port of the layout, if their names differ.
_LISTENER_NAMES = {"consumer_metrics": "consumer", "shadow_metrics": "shadow"}
_FAR = 10_000


@dataclass(frozen=True)
class _Endpoint:
    """A process, the port that it will listen on, and the setting of that port."""

    process: str
    port: int
    variable: str

    @property
    def other(self) -> str:
        """A command that sets another port."""
        return f"make run {self.variable}={self.port + _FAR if self.port <= LAST_PORT - _FAR else self.port - _FAR}"


def check(layout: Layout, supervisor: Supervisor, consumers: int = 1) -> None:
    """Check programs, path and ports; raises Rejected naming every problem."""
    faults = [f"{name} is not installed: run 'make setup'" for name in _PROGRAMS if find_executable(name) is None]
    faults += _unsupported_path(PROJECT)
    if not supervisor.is_running:
        supervisor.shut_down()  # it may still be shutting down
        if count := orphans.end_orphans(layout.state):
            say(f"stopped {count} processes left over from an earlier run")
    endpoints = _endpoints(layout, consumers)
    faults += _shared(endpoints) or [fault for endpoint in endpoints if (fault := _problem(endpoint, supervisor))]
    if faults:
        raise Rejected("The stack cannot start yet:\n  - " + "\n  - ".join(faults))


def _unsupported_path(project: Path) -> list[str]:
    """A path in which MLflow does not work; it never sees the path of the state folder."""
    if "%" not in str(project):
        return []
    return [f"there is a % in the project's path, {project}, which MLflow does not support: move the project elsewhere"]


def _endpoints(layout: Layout, consumers: int) -> list[_Endpoint]:
    ports = asdict(layout.ports).items()
    first = [_Endpoint(_LISTENER_NAMES.get(name, name), port, f"{name.upper()}_PORT") for name, port in ports]
    more = [
        _Endpoint(name, consumer_port(layout, number), "CONSUMER_METRICS_PORT")
        for number, name in enumerate(MORE_CONSUMERS, start=2)
        if number <= consumers
    ]
    return [endpoint for endpoint in [*first, *more] if endpoint.process not in left_out()]


def _shared(endpoints: list[_Endpoint]) -> list[str]:
    """Ports that are assigned twice, each pair once."""
    faults, owners = [], dict[int, _Endpoint]()
    for endpoint in endpoints:
        owner = owners.setdefault(endpoint.port, endpoint)
        if owner is not endpoint:
            faults.append(
                f"port {endpoint.port} is assigned to both {owner.process} ({owner.variable}) and {endpoint.process} "
                f"({endpoint.variable}): choose another port for one of them, such as {endpoint.other}"
            )
    return faults


def _problem(endpoint: _Endpoint, supervisor: Supervisor) -> str:
    """Why our process cannot listen there, with the remedy; empty if it can or already does."""
    what = f"port {endpoint.port} ({endpoint.process})"
    if endpoint.port > LAST_PORT:
        return f"{what} is above the highest port, {LAST_PORT}: choose a lower {endpoint.variable}"
    pid = supervisor.process(endpoint.process)["pid"] if supervisor.is_running else 0
    refused = 0 if pid and is_listening(endpoint.port, group=pid) else _try(endpoint.port)
    if refused in {errno.EACCES, errno.EPERM}:
        return f"{what} requires root privileges: choose a port above 1023: {endpoint.other}"
    if refused:
        return (
            f"{what} is in use by another program: stop it ('ss -ltnp' shows which), choose another port: "
            f"{endpoint.other}, or move every port of this clone: make run PORT_OFFSET=100"
        )
    return ""


def _try(port: int) -> int:
    """The errno of listening on this loopback port for a moment; 0 if it works."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return 0
