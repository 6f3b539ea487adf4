"""Processes of a stack whose supervisor was killed, found through /proc.

They carry a marker in their environment. If a program has overwritten that, as Nginx does with its title, its command
line and its working folder identify it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from embedded.environment import MARKER
from embedded.services.service import STOP_SECONDS

_POLL_SECONDS = 0.1
_KILLED_SECONDS = 5.0


def find_orphans(state: Path) -> list[int]:
    """The ids of all processes of this stack, except this process and its ancestors."""
    own = _ancestors(os.getpid())
    pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if pid not in own and _belongs(pid, state)]


def end_orphans(state: Path, grace_seconds: float = STOP_SECONDS) -> int:
    """Stop them as their supervisor would, and by SIGKILL after the grace period; returns how many there were.

    SIGTERM goes first to the root of each process tree, which ends its children in its own order; then to those left.
    """
    orphans = left = find_orphans(state)
    asked: set[int] = set()
    deadline = time.monotonic() + grace_seconds
    while left and time.monotonic() < deadline:
        first = {pid for pid in left if _parent(pid) not in left} - asked
        _signal(first, signal.SIGTERM)
        asked |= first
        time.sleep(_POLL_SECONDS)
        left = find_orphans(state)
    _kill(state)
    return len(orphans)


def _kill(state: Path) -> None:
    deadline = time.monotonic() + _KILLED_SECONDS
    while (left := find_orphans(state)) and time.monotonic() < deadline:
        _signal(left, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _belongs(pid: int, state: Path) -> bool:
    folder = Path(f"/proc/{pid}")
    try:
        raw = (folder / "environ").read_bytes()
        if not raw:  # during exec a process has a command line already and no environment yet
            return False
        environ = raw.split(b"\0")
        if f"{MARKER}={state}".encode() in environ:
            return True
        # A shell in the state folder or a pager over a log has an environment without the marker: not one of ours.
        if any(entry.startswith(b"PATH=") for entry in environ):
            return False
        command = (folder / "cmdline").read_bytes()
        return f"{state}/".encode() in command or (folder / "cwd").readlink().is_relative_to(state)
    except OSError:  # it has ended, or belongs to another user
        return False


def _ancestors(pid: int) -> set[int]:
    ancestors = set()
    while pid > 1:
        ancestors.add(pid)
        pid = _parent(pid)
    return ancestors


def _parent(pid: int) -> int:
    """The id of its parent; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
