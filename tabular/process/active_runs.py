"""Notes of the flows that run on this machine, so that the next start can tell which were killed.

    <state folder>/running/<flow run id>.json      locked by the process that runs it, for as long as it lives

The kernel gives the lock up when the process ends, however it ends: a note that is not locked is of a process that was
killed. Runs of other machines have their notes in state folders of their own, and are nobody's business here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class RunningNote(msgspec.Struct, frozen=True):
    """A flow run: its id in Prefect, and the flow's name."""

    flow_run_id: str
    flow: str


@contextmanager
def noted(state_dir: Path, note: RunningNote) -> Iterator[None]:
    """Keep the note for the length of a `with` block; raises OSError if the state folder cannot be written."""
    folder = _folder(state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{note.flow_run_id}.json"
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(msgspec.json.encode(note))
        file.flush()
        fresh.replace(path)  # nobody sees it before it is locked
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def left_behind(state_dir: Path) -> Iterator[list[RunningNote]]:
    """The notes of processes that are gone; they are forgotten unless the `with` block raises."""
    with _unlocked(state_dir) as found:
        yield [note for _, note in found if note is not None]
        for path, _ in found:
            path.unlink(missing_ok=True)


@contextmanager
def _unlocked(state_dir: Path) -> Iterator[list[tuple[Path, RunningNote | None]]]:
    found, held = [], []
    try:
        for path in sorted(_folder(state_dir).glob("*.json")):
            try:
                file = path.open("rb")
            except FileNotFoundError:  # it has just ended
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


def _decoded(body: bytes) -> RunningNote | None:
    try:
        return msgspec.json.decode(body, type=RunningNote)
    except msgspec.MsgspecError:
        return None


def _folder(state_dir: Path) -> Path:
    return state_dir / "running"
