"""The process supervisor (supervisord): starts, restarts and stops the stack's processes, one log each.

Every program is `python -m embedded exec NAME`, which reads the settings anew and becomes the real program, so that a
restart takes up a changed RUN_ID.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from embedded.environment import MARKER
from embedded.layout import PROJECT, Layout, executable
from embedded.service import STOP_SECONDS, tail
from embedded.stack import STACK
from tabular.errors import Unavailable
from tabular.private_files import OWNER_ALONE

START_SECONDS = 10.0
_DO_NOT_WAIT = False
_RUNNING = {"STARTING", "RUNNING", "BACKOFF"}


class Supervisor:
    """A handle on the supervisor of one stack; `ensure_running` starts it if need be."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        # A unix socket's path may have about 100 characters, which a checkout's folder can exceed.
        name = hashlib.sha256(str(layout.state).encode()).hexdigest()[:12]
        self._socket = Path(tempfile.gettempdir()) / f"embedded-{name}.sock"

    @property
    def is_running(self) -> bool:
        """True if the supervisor answers."""
        try:
            return bool(self._call("getPID"))
        except Unavailable:
            return False

    def ensure_running(self) -> None:
        """Start the supervisor if it does not run; raises Unavailable with its log."""
        if self.is_running:
            return
        folder = self._layout.folder("supervisor")
        self._layout.logs.mkdir(parents=True, exist_ok=True)
        config = folder / "supervisord.conf"
        config.write_text(self._config(folder))
        self._socket.unlink(missing_ok=True)
        environ = {**os.environ, MARKER: str(self._layout.state)}
        subprocess.run([executable("supervisord"), "-c", str(config)], check=True, cwd=PROJECT, env=environ)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running:
            if time.monotonic() > deadline:
                raise Unavailable("the supervisor", tail(folder / "supervisord.log"))
            time.sleep(0.05)

    def start(self, name: str) -> None:
        """Start a process unless it runs; it may not be ready yet."""
        if not self.runs(name):
            self._call("startProcess", name, _DO_NOT_WAIT)

    def stop(self, names: Iterable[str]) -> None:
        """Stop processes, all at the same time, and wait until they are gone."""
        running = [name for name in names if self.runs(name)]
        for name in running:
            self._call("stopProcess", name, _DO_NOT_WAIT)
        deadline = time.monotonic() + STOP_SECONDS
        while any(self.runs(name) for name in running) and time.monotonic() < deadline:
            time.sleep(0.1)

    def runs(self, name: str) -> bool:
        """True if the process is up or coming up."""
        return self._call("getProcessInfo", name)["statename"] in _RUNNING | {"STOPPING"}

    def failed(self, name: str) -> bool:
        """True if the process gave up or ended by itself."""
        return self._call("getProcessInfo", name)["statename"] in {"FATAL", "EXITED", "UNKNOWN"}

    def processes(self) -> list[dict[str, Any]]:
        """The state of every process: name, statename, pid, start (seconds of the epoch)."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return found

    def shut_down(self) -> None:
        """Stop every process and the supervisor itself."""
        self._call("shutdown")
        deadline = time.monotonic() + 2 * STOP_SECONDS
        while self.is_running and time.monotonic() < deadline:
            time.sleep(0.1)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.Error) as error:
            raise Unavailable("the supervisor", str(error)) from error
        finally:
            transport.close()

    def _config(self, folder: Path) -> str:
        lines = [
            "[unix_http_server]",
            f"file={self._socket}",
            "chmod=0700",
            "[supervisord]",
            f"logfile={_escaped(folder / 'supervisord.log')}",
            f"pidfile={_escaped(folder / 'supervisord.pid')}",
            f"directory={_escaped(PROJECT)}",
            f'environment={MARKER}="{_escaped(self._layout.state)}"',
            "silent=true",
            f"umask={OWNER_ALONE:03o}",  # its own default lets everybody read
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for name in STACK:
            lines += [
                f"[program:{name}]",
                f"command={_escaped(sys.executable)} -m embedded exec {name} --state {_escaped(self._layout.state)}",
                f"stdout_logfile={_escaped(self._layout.logs / name)}.log",
                "stdout_logfile_maxbytes=10MB",
                "stdout_logfile_backups=2",
                "redirect_stderr=true",
                "autostart=false",
                "autorestart=true",
                "startsecs=2",
                "startretries=5",
                f"stopwaitsecs={STOP_SECONDS:g}",
                "stopasgroup=true" if name != "api" else "stopasgroup=false",
                "killasgroup=true",
            ]
        return "\n".join(lines) + "\n"


def _escaped(path: Path | str) -> str:
    return str(path).replace("%", "%%")
