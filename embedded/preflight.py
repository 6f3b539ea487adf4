"""What must be true before anything starts; whatever is not is named at once, with the remedy."""

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
from tabular.setting_types import LAST_PORT

_PROGRAMS = ("ministack", "nx-27017", "mlflow", "prefect", "gunicorn", "supervisord")
# Which process of the stack listens on which port of the layout, where the names differ.
_LISTENER = {"consumer_metrics": "consumer"}
_FAR = 10_000


@dataclass(frozen=True)
class _Place:
    """A port that a process will listen on, and the setting that says so."""

    listener: str
    port: int
    variable: str

    @property
    def other(self) -> str:
        """What to set instead."""
        return f"make run {self.variable}={self.port + _FAR if self.port <= LAST_PORT - _FAR else self.port - _FAR}"


def check(layout: Layout, supervisor: Supervisor, consumers: int = 1) -> None:
    """Raise Rejected naming every missing program and every port that cannot be had."""
    faults = [f"{name} is not installed: run 'make setup'" for name in _PROGRAMS if find_executable(name) is None]
    faults += _unbearable(PROJECT)
    if not supervisor.is_running:
        supervisor.shut_down()  # it may still be at it
        if count := orphans.end_orphans(layout.state):
            say(f"ended {count} processes that an earlier run had left behind")
    places = _places(layout, consumers)
    faults += _shared(places) or [fault for place in places if (fault := _refusal(place, supervisor))]
    if faults:
        raise Rejected("The stack cannot start yet:\n  - " + "\n  - ".join(faults))


def _unbearable(project: Path) -> list[str]:
    """What MLflow's own files may not have in their path; of the state folder's name it sees nothing."""
    if "%" not in str(project):
        return []
    return [f"there is a % in the project's path, {project}, which MLflow cannot bear: move the project elsewhere"]


def _places(layout: Layout, consumers: int) -> list[_Place]:
    first = [
        _Place(_LISTENER.get(name, name), port, f"{name.upper()}_PORT") for name, port in asdict(layout.ports).items()
    ]
    more = [
        _Place(name, consumer_port(layout, number), "CONSUMER_METRICS_PORT")
        for number, name in enumerate(MORE_CONSUMERS, start=2)
        if number <= consumers
    ]
    return [place for place in [*first, *more] if place.listener not in left_out()]


def _shared(places: list[_Place]) -> list[str]:
    """Two that want one port, each pair once."""
    faults, owners = [], dict[int, _Place]()
    for place in places:
        owner = owners.setdefault(place.port, place)
        if owner is not place:
            faults.append(
                f"port {place.port} is wanted by both {owner.listener} ({owner.variable}) and {place.listener} "
                f"({place.variable}): give one of them another, such as {place.other}"
            )
    return faults


def _refusal(place: _Place, supervisor: Supervisor) -> str:
    """Why our process cannot listen there, with the remedy; empty if it can, or does."""
    what = f"port {place.port} ({place.listener})"
    if place.port > LAST_PORT:
        return f"{what} is beyond the last one, {LAST_PORT}: choose a lower {place.variable}"
    pid = supervisor.process(place.listener)["pid"] if supervisor.is_running else 0
    refused = 0 if pid and is_listening(place.port, group=pid) else _try(place.port)
    if refused in {errno.EACCES, errno.EPERM}:
        return f"{what} needs the rights of root: choose one above 1023: {place.other}"
    if refused:
        return (
            f"{what} is taken by another program: stop it ('ss -ltnp' shows which), choose another port: "
            f"{place.other}, or move every port of this clone: make run PORT_OFFSET=100"
        )
    return ""


def _try(port: int) -> int:
    """The error number of listening on this loopback port for a moment; 0 if it works."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return 0
