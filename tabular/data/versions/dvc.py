"""What DVC knows of a table's file: the lineage of a version whose file is tracked by `dvc add` or `dvc import`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import msgspec

from tabular.errors import InvalidSetting

GIT_SECONDS = 10


class DvcLineage(msgspec.Struct, frozen=True):
    """A file that DVC tracks: its path in the git repository, the md5 by which DVC knows its bytes, and the revision.

    `revision` is the git commit that last changed the file's `.dvc`; None while that is not committed.
    """

    path: str
    md5: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.path}, md5 {self.md5}, {f'rev {self.revision}' if self.revision else 'not committed to git'}"


class _Output(msgspec.Struct):
    path: str
    md5: str = ""
    hash: str = ""
    """Empty in files of DVC 2, whose md5 of text is one with Unix line ends."""


class _DvcFile(msgspec.Struct):
    outs: list[_Output] = []


def dvc_lineage(file: Path, body: bytes) -> DvcLineage | None:
    """The lineage of a file with these bytes; None if no `.dvc` beside it tracks it.

    Raises InvalidSetting for bytes that are not those which DVC tracks, and for a `.dvc` that cannot be read.
    """
    note = file.with_name(f"{file.name}.dvc")
    try:
        found = msgspec.yaml.decode(note.read_bytes(), type=_DvcFile)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidSetting(f"{note} cannot be read: {error}. Make it again: dvc add {file.name}") from error
    output = next((one for one in found.outs if one.path == file.name and one.md5), None)
    if output is None:
        return None
    if output.md5 not in _md5s(body, is_of_dvc_2=not output.hash):
        raise InvalidSetting(
            f"{file} is not the file that DVC tracks: {note.name} says md5 {output.md5}, and its bytes have another. "
            f"To keep the file as it is: dvc add {file.name}. To have the tracked one back: dvc checkout {file.name}"
        )
    path = _git(file, "ls-files", "--full-name", "--", note.name)
    if not path:
        return DvcLineage(file.name, output.md5)
    is_committed = not _git(file, "status", "--porcelain", "--", note.name)
    revision = _git(file, "log", "-1", "--format=%H", "--", note.name) if is_committed else None
    return DvcLineage(path.removesuffix(".dvc"), output.md5, revision or None)


def _md5s(body: bytes, *, is_of_dvc_2: bool) -> set[str]:
    bodies = [body, body.replace(b"\r\n", b"\n")] if is_of_dvc_2 else [body]
    return {hashlib.md5(each, usedforsecurity=False).hexdigest() for each in bodies}


def _git(file: Path, *arguments: str) -> str | None:
    """What git prints in the file's folder; None where there is no git or no repository."""
    command = ["git", "-C", str(file.absolute().parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GIT_SECONDS)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
