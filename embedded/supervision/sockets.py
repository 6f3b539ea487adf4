"""Which process listens on a port, through /proc: a response alone does not say whose it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENING = "0A"
_ADDRESS, _STATE, _INODE = 1, 3, 9


def is_listening(port: int, group: int) -> bool:
    """True if a process of this process group listens on the port, or if the system has no /proc/net/tcp."""
    if not _TABLES[0].exists():
        return True
    inodes = _listening_inodes(port)
    return bool(inodes) and any(inodes & _socket_inodes(pid) for pid in _members(group))


def _listening_inodes(port: int) -> set[str]:
    suffix = f":{port:04X}"
    lines = [line.split() for table in _TABLES if table.exists() for line in table.read_text().splitlines()[1:]]
    return {line[_INODE] for line in lines if line[_STATE] == _LISTENING and line[_ADDRESS].endswith(suffix)}


def _members(group: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def _socket_inodes(pid: int) -> set[str]:
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended, or belongs to another user
        return set()
    found = set()
    for file in files:
        with suppress(OSError):  # closed meanwhile
            found.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
