"""What processes have used, from /proc (proc(5)): benchmarks, the chaos run and tests measure alike."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
RESET_PEAK = "5"


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


def children(pid: int) -> list[int]:
    """The process ids of its children, whichever of its threads started them; none if it has ended."""
    found: list[str] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += (thread / "children").read_text().split()
    return [int(child) for child in found]


def usage(pids: set[int]) -> Usage:
    """What these processes have used so far; children that have ended count with the parent that waited for them."""
    cpu_ticks, pages = 0, 0
    for pid in pids:
        if fields := _fields(pid):
            cpu_ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
    return Usage(cpu_ticks / TICKS_PER_SECOND, pages * PAGE_BYTES)


def resident_mb(pid: int) -> float:
    """The resident memory of one process; 0 if it has ended."""
    return usage({pid}).resident_bytes / 1e6


def largest_mb(pid: int) -> float:
    """The resident memory of the largest process below this one: of one worker."""
    return max(resident_mb(one) for one in tree(pid) - {pid})


def peak_mb(pid: int) -> float:
    """The highest resident memory since it started or since `reset_peak`; 0 if it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1_024 / 1e6 for line in lines if line.startswith("VmHWM:")), 0.0)
    return 0.0


def reset_peak(pid: int) -> None:
    """Let `peak_mb` begin anew at what is resident now."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK)


def machine_cpu_seconds() -> float:
    """What all cores together have worked so far, whoever they worked for."""
    user, nice, system, _idle, _wait, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(others)) / TICKS_PER_SECOND


def _fields(pid: int) -> list[str]:
    # After the name, which may hold anything: state, parent, group, session, ...
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
