"""The parts of a file that is being scored: what is done is there to stay, so that a killed run goes on where it was.

<folder of the output>/.<name of the output>.parts/
    job.json         what every part depends on; with another job all parts are thrown away
    000012.scores    the scores of one batch of rows, in the format of the output
    000012.faults    its faults
    000012.json      written last: the part is done, and so large
    plain            the file in another form, if it cannot be read in batches as it lies there
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow as pa

from server.files.output import Format, write_faults, write_scores
from tabular.errors import Fault, InvalidTable, Rejected


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the parts depend on. `reader` names what cuts a file into batches."""

    file_sha256: str
    run_id: str
    bundle: str
    format: Format
    store: bool
    reader: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part that is done: how many rows were scored, faulty, scored with a warning, and newly stored."""

    scored: int
    faulty: int
    faults: int
    warned: int
    stored: int
    scores_bytes: int = 0
    faults_bytes: int = 0


class Parts:
    """The folder of the parts of one output; make it with `open_parts`."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._folder = folder
        self._format = job.format
        self.plain_copy = folder / "plain"

    def done(self, number: int) -> Part | None:
        """The part, if it is done and whole."""
        try:
            part = msgspec.json.decode(self._marker(number).read_bytes(), type=Part)
            sizes = (self.scores(number).stat().st_size, self.faults(number).stat().st_size)
        except (OSError, msgspec.MsgspecError):
            return None
        return part if sizes == (part.scores_bytes, part.faults_bytes) else None

    def write(self, number: int, scores: pa.Table, faults: list[Fault], part: Part) -> Part:
        """Write a part and mark it as done; raises OSError."""
        write_scores(scores, self.scores(number), self._format)
        write_faults(faults, self.faults(number))
        part = msgspec.structs.replace(
            part, scores_bytes=self.scores(number).stat().st_size, faults_bytes=self.faults(number).stat().st_size
        )
        draft = self._marker(number).with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(part))
        draft.replace(self._marker(number))
        return part

    def scores(self, number: int) -> Path:
        """The scores of a part."""
        return self._folder / f"{number:06d}.scores"

    def faults(self, number: int) -> Path:
        """The faults of a part."""
        return self._folder / f"{number:06d}.faults"

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _marker(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"


@contextmanager
def open_parts(out: Path, job: Job) -> Iterator[Parts]:
    """The parts of an output, those of the same job kept; raises Rejected while another process writes it.

    They are removed if the file turns out to be no table.
    """
    folder = out.with_name(f".{out.name}.parts")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Rejected(f"another process is writing {out}. Wait for it, or name another output") from error
        _start(folder, msgspec.json.encode(job))
        parts = Parts(folder, job)
        try:
            yield parts
        except InvalidTable:  # with the same bytes nothing else can come out
            parts.remove()
            raise


def _start(folder: Path, job: bytes) -> None:
    known = folder / "job.json"
    if known.exists() and known.read_bytes() == job:
        return
    for path in folder.iterdir():
        if path.name != "lock":
            path.unlink()
    known.write_bytes(job)
