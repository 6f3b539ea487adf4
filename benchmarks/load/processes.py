"""What a tree of processes has used, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """CPU seconds and resident bytes; pages that processes share are counted in each."""

    cpu_seconds: float
    resident_bytes: int


def tree(pid: int) -> set[int]:
    """A process, its session and all their descendants."""
    parents, sessions = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parents[int(entry.name)], sessions[int(entry.name)] = int(fields[1]), int(fields[3])
    found = {pid, *(one for one, session in sessions.items() if session == pid)}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def usage(pids: set[int]) -> Usage:
    """What these processes have used so far; children that have ended count with the parent that waited for them."""
    cpu_ticks, pages = 0, 0
    for pid in pids:
        if fields := _fields(pid):
            cpu_ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
    return Usage(cpu_ticks / TICKS_PER_SECOND, pages * PAGE_BYTES)


def largest_mb(pid: int) -> float:
    """The resident memory, in MB, of the largest process below this one: of one worker."""
    return max(usage({one}).resident_bytes for one in tree(pid) - {pid}) / 1e6


def machine_cpu_seconds() -> float:
    """What all cores together have worked so far, whoever they worked for."""
    user, nice, system, _idle, _wait, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(others)) / TICKS_PER_SECOND


def _fields(pid: int) -> list[str]:
    # After the name, which may hold anything: state, parent, group, session, ... (proc(5)).
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
