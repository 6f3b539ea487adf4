"""One process of the stack: how it starts, when it is ready, how it stops."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from itertools import cycle
from pathlib import Path

from embedded.services.loopback import open_loopback
from tabular.errors import Unavailable

STOP_SECONDS = 15.0
POLL_SECONDS = 0.1
FREE_PORTS = range(20_000, 32_768)
PORT_TRIALS = 100


@dataclass(frozen=True)
class Service:
    """A long-running program. It is ready when `ready_url` responds 200 or, without one, when `port` accepts."""

    name: str
    command: tuple[str, ...]
    port: int | None = None
    ready_url: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # it may hold logins
    start_seconds: float = 120.0
    stop_signal: signal.Signals = signal.SIGTERM
    stale_files: tuple[Path, ...] = ()
    """Files that a killed instance leaves behind and that prevent the next start."""
    ready_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Request headers for `ready_url`: a login, if the program requires one."""
    has_reported: Callable[[float], bool] | None = None
    """For a program without a port: whether it has reported since that time (seconds of the epoch)."""
    working_folder: Path | None = None
    """Its working folder; by default that of the process that starts it."""

    @property
    def is_ready(self) -> bool:
        """True if the service responds now."""
        if self.ready_url is not None:
            return _responds(self.ready_url, self.ready_headers)
        return self.port is None or accepts(self.port)

    def start(self, log_file: Path) -> subprocess.Popen[bytes]:
        """Start the process in its own group, its output appended to the log file; raises OSError."""
        for path in self.stale_files:
            path.unlink(missing_ok=True)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the command is built from our own layout
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.working_folder,
                env={**os.environ, **self.environ},
                start_new_session=True,
            )

    def wait_ready(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        """Wait until it is ready; raises Unavailable with the end of the log if it exits or takes too long."""
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Unavailable(self.name, f"it exited with code {process.returncode}:\n{tail(log_file)}")
            if self.is_ready:
                return
            time.sleep(POLL_SECONDS)
        raise Unavailable(self.name, f"it was not ready after {self.start_seconds:g} s:\n{tail(log_file)}")

    @contextmanager
    def running(self, log_file: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run the service for the duration of a `with` block; raises Unavailable like `wait_ready`."""
        process = self.start(log_file)
        try:
            self.wait_ready(process, log_file)
            yield process
        finally:
            stop(process, self.stop_signal)


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """Stop a process and its whole group: by the stop signal, then by SIGKILL."""
    _signal_group(process.pid, stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """A loopback port that is free now; raises OSError.

    It lies below those that the kernel gives to outgoing connections: a server that takes seconds to start would at
    times find such a one taken.
    """
    for _ in range(PORT_TRIALS):
        port = next(_untried_ports())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"none of {PORT_TRIALS} loopback ports from {FREE_PORTS[0]} to {FREE_PORTS[-1]} was free")


@cache
def _untried_ports() -> Iterator[int]:
    """All of them in a random order, so that no process is given one twice and two processes seldom the same."""
    return cycle(random.SystemRandom().sample(FREE_PORTS, len(FREE_PORTS)))


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _responds(url: str, headers: Mapping[str, str]) -> bool:
    try:
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - a loopback http url of ours
        with open_loopback(request, timeout_seconds=2) as response:
            return bool(response.status == 200)
    except (OSError, HTTPException):  # the latter from what is no HTTP server
        return False


def accepts(port: int) -> bool:
    """True if something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
