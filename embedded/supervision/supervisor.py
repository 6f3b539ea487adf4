"""The process supervisor (supervisord): starts, restarts and stops the stack's processes, one log each.

Every program is `python -m embedded exec NAME`, which reads the settings again and then executes the real program, so
that a restart uses a changed RUN_ID.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from embedded.environment import empty_temporary_folder
from embedded.layout import Layout, program
from embedded.services.service import tail
from embedded.supervision.configuration import LONGEST_STOP_SECONDS, config_text, supervisor_environ
from tabular.errors import Unavailable

START_SECONDS = 10.0
_DO_NOT_WAIT = False
_POLL_SECONDS = 0.1
_UP = {"STARTING", "RUNNING", "BACKOFF"}
# A process that has EXITED is restarted within a second: it is not down.
_DOWN = {"STOPPED", "FATAL"}
_SOCKET_PATH_BYTES = 100


class Supervisor:
    """A handle on the supervisor of one stack; `ensure_running` starts it if necessary."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.state / "supervisor"
        self._config = self._folder / "supervisord.conf"
        own = self._folder / "supervisord.sock"
        # The path of a unix socket is limited to about 100 bytes, which a checkout's folder can exceed.
        name = hashlib.sha256(os.fsencode(layout.state)).hexdigest()[:12]
        fits = len(os.fsencode(own)) <= _SOCKET_PATH_BYTES
        self._elsewhere = None if fits else Path(tempfile.gettempdir()) / f"embedded-{name}.sock"
        self._socket = self._elsewhere or own

    @property
    def is_running(self) -> bool:
        """True if the supervisor responds; one that is shutting down does not."""
        try:
            return bool(self._call("getPID"))
        except Unavailable:
            return False

    def ensure_running(self) -> None:
        """Start the supervisor unless it is running; raises Unavailable with the end of its log."""
        if self.is_running:
            return
        self.shut_down()
        empty_temporary_folder(self._layout)
        self._layout.folder("supervisor")
        self._layout.logs.mkdir(parents=True, exist_ok=True)
        self._config.write_text(config_text(self._elsewhere))
        self._socket.unlink(missing_ok=True)
        environ = {**os.environ, **supervisor_environ(self._layout)}
        command = [*program("supervisord"), "-c", str(self._config)]
        done = subprocess.run(command, cwd=self._folder, env=environ, check=False, capture_output=True, text=True)  # noqa: S603
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running:
            if done.returncode != 0 or time.monotonic() > deadline:
                raise Unavailable("the supervisor", done.stderr.strip() or tail(self._folder / "supervisord.log"))
            time.sleep(0.05)

    def start(self, name: str) -> None:
        """Start a process unless it is running; it need not be ready on return. Raises Unavailable."""
        if not self.runs(name):
            self._change("startProcess", name, needless=_UP)

    def stop(self, names: Iterable[str]) -> None:
        """Stop processes concurrently and wait, for a bounded time, until they are down; raises Unavailable."""
        left = set(names)
        deadline = time.monotonic() + LONGEST_STOP_SECONDS + START_SECONDS
        while left and time.monotonic() < deadline:
            states = {process["name"]: process["statename"] for process in self.processes()}
            left = {name for name in left if states[name] not in _DOWN}
            for name in left:
                if states[name] in _UP:
                    self._change("stopProcess", name, needless=_DOWN | {"STOPPING", "EXITED"})
            time.sleep(_POLL_SECONDS if left else 0)

    def runs(self, name: str) -> bool:
        """True if the process is up or starting; raises Unavailable."""
        return self.process(name)["statename"] in _UP | {"STOPPING"}

    def up(self) -> list[str]:
        """The names of all running processes; none if the supervisor is not running."""
        return [process["name"] for process in self.processes() if process["pid"]] if self.is_running else []

    def process(self, name: str) -> dict[str, Any]:
        """The state of a process: statename, pid (0: none), start (seconds of the epoch); raises Unavailable."""
        found: dict[str, Any] = self._call("getProcessInfo", name)
        return found

    def processes(self) -> list[dict[str, Any]]:
        """The state of every process: name, statename, pid, start (seconds of the epoch); raises Unavailable."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return found

    def shut_down(self) -> None:
        """Stop every process, the last started first, and the supervisor itself; returns when it has ended."""
        # Once it shuts down it answers every call with SHUTDOWN_STATE, so its pid must be read first.
        pid = self._pid()
        if self.is_running:
            self._call("shutdown")
        elif pid is not None:  # it is shutting down already, or its socket was deleted
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._wait_for_the_end_of(pid)

    def _pid(self) -> int | None:
        """The supervisor's process id, whether it responds or not; None if it is not running."""
        try:
            pid = int((self._folder / "supervisord.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self._lives(pid) else None

    def _lives(self, pid: int) -> bool:
        """True if this process is our supervisor, and not another one that has reused its id."""
        try:
            return os.fsencode(self._config) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    def _wait_for_the_end_of(self, pid: int | None) -> None:
        deadline = time.monotonic() + 2 * LONGEST_STOP_SECONDS
        while (
            pid is not None and self._lives(pid) and time.monotonic() < deadline
        ):  # it deletes its pid file before it ends
            time.sleep(_POLL_SECONDS)

    def _change(self, method: str, name: str, needless: set[str]) -> None:
        """Start or stop a process; an error is ignored if the process is in one of the `needless` states by then."""
        try:
            self._call(method, name, _DO_NOT_WAIT)
        except Unavailable:
            if self.process(name)["statename"] not in needless:
                raise

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.Error) as error:
            raise Unavailable("the supervisor", str(error)) from error
        finally:
            transport.close()
