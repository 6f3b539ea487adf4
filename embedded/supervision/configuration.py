"""The supervisor's configuration file: one program and one log for each process of the stack.

It contains no path: supervisord cuts values at ` ;`, expands `%`, and splits commands like a shell. It is started in
the file's own folder, and commands take the interpreter, the project and the state folder from their environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from embedded.environment import MARKER
from embedded.layout import PROJECT, Layout
from embedded.services.service import STOP_SECONDS
from embedded.services.stack import STACK, STOP_ORDER
from tabular.process.private_files import OWNER_ALONE

_PYTHON, _PROJECT = "EMBEDDED_PYTHON", "EMBEDDED_PROJECT"
# Servers finish what they have begun: gunicorn gives its requests 25 seconds.
_LONG_STOPS_SECONDS = {name: 30.0 for name in STACK if name == "api" or name.startswith("consumer")}
LONGEST_STOP_SECONDS = max(STOP_SECONDS, *_LONG_STOPS_SECONDS.values())
_PRIORITY = {name: priority for priority, names in enumerate(reversed(STOP_ORDER)) for name in names}


def supervisor_environ(layout: Layout) -> dict[str, str]:
    """What the supervisor needs in its environment, and passes on to every process."""
    return {MARKER: str(layout.state), _PYTHON: sys.executable, _PROJECT: str(PROJECT)}


def config_text(socket: Path | None = None) -> str:
    """The text of `supervisord.conf`; the socket is in the same folder unless one is given."""
    lines = [
        "[unix_http_server]",
        f"file={_escaped(socket) if socket else 'supervisord.sock'}",
        "chmod=0700",
        "[supervisord]",
        "logfile=supervisord.log",
        "pidfile=supervisord.pid",
        "silent=true",
        f"umask={OWNER_ALONE:03o}",  # its default makes files readable by everybody
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for name in STACK:
        lines += _program(name)
    return "\n".join(lines) + "\n"


def _program(name: str) -> list[str]:
    start = f'cd "${_PROJECT}" && exec "${_PYTHON}" -m embedded exec {name} --state "${MARKER}"'
    return [
        f"[program:{name}]",
        f"command=/bin/sh -c '{start}'",
        f"stdout_logfile=../logs/{name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=2",
        "redirect_stderr=true",
        "autostart=false",
        "autorestart=true",
        "startsecs=2",
        "startretries=5",
        f"priority={_PRIORITY[name]}",  # when it shuts down it stops the highest first
        f"stopwaitsecs={_LONG_STOPS_SECONDS.get(name, STOP_SECONDS):g}",
        "stopasgroup=true" if name != "api" else "stopasgroup=false",
        "killasgroup=true",
    ]


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
