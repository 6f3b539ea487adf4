"""Records of the flow runs of this machine, so that the next start can tell which were killed.

    <state folder>/running/<flow run id>.json      locked by the process that runs it, for as long as it lives

The kernel releases the lock when the process ends, however it ends: a record that is not locked belongs to a process
that was killed. Runs of other machines have their records in the state folders of those machines.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class ActiveRun(msgspec.Struct, frozen=True):
    """A flow run: its id in Prefect, and the flow's name."""

    flow_run_id: str
    flow: str


@contextmanager
def recorded(state_dir: Path, run: ActiveRun) -> Iterator[None]:
    """Keep the record for the duration of a `with` block; raises OSError if the state folder cannot be written."""
    folder = _folder(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.flow_run_id}.json"
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(msgspec.json.encode(run))
        file.flush()
        fresh.replace(path)  # so that it is never visible unlocked
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def left_behind(state_dir: Path) -> Iterator[list[ActiveRun]]:
    """The runs whose process has ended; their records are deleted unless the `with` block raises. Raises OSError."""
    with _unlocked(state_dir) as found:
        yield [run for _, run in found if run is not None]
        for path, _ in found:
            path.unlink(missing_ok=True)


@contextmanager
def _unlocked(state_dir: Path) -> Iterator[list[tuple[Path, ActiveRun | None]]]:
    found, held = [], []
    try:
        for path in sorted(_folder(state_dir).glob("*.json")):
            try:
                file = path.open("rb")
            except FileNotFoundError:  # the run has just ended
                continue
            held.append(file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            found.append((path, _decoded(file.read())))
        yield found
    finally:
        for file in held:
            file.close()


def _decoded(body: bytes) -> ActiveRun | None:
    try:
        return msgspec.json.decode(body, type=ActiveRun)
    except msgspec.MsgspecError:
        return None


def _folder(state_dir: Path) -> Path:
    return state_dir / "running"
