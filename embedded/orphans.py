"""Processes of a stack whose supervisor was killed: found by the marker in their environment, through /proc."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from embedded.environment import MARKER

GRACE_SECONDS = 5.0


def find_orphans(state: Path) -> list[int]:
    """The ids of all processes that carry this stack's marker, our own family left out."""
    wanted = f"{MARKER}={state}".encode()
    family = _ancestors(os.getpid())
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile, or it is somebody else's
            continue
        if wanted in environ and int(folder.name) not in family:
            found.append(int(folder.name))
    return found


def end_orphans(state: Path) -> int:
    """Stop them, politely and then by force; returns how many there were."""
    orphans = find_orphans(state)
    _signal(orphans, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while find_orphans(state) and time.monotonic() < deadline:
        time.sleep(0.1)
    _signal(find_orphans(state), signal.SIGKILL)
    return len(orphans)


def _ancestors(pid: int) -> set[int]:
    family = set()
    while pid > 1:
        family.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return family


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
