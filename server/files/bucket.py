"""Files that are put under a prefix of the bucket, each scored exactly once as it stands there.

    <prefix>/in/<name>                 what is to be scored: a CSV or a Parquet file
    <prefix>/out/<name>/scores.csv     its scores, in its own format (scores.parquet)
    <prefix>/out/<name>/scores.faults.csv, scores.summary.json
    <prefix>/out/<name>/done.json      written last: which bytes these are of; why, if they were rejected

A file that is replaced is scored again. What was begun is kept in the state folder, and is gone on with.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from server.files.output import Format, faults_path, summary_path
from server.files.scoring import FileScorer
from server.files.summary import Summary
from tabular.errors import Rejected, Unavailable
from tabular.ports.objects import Objects, StoredObject

DONE = "done.json"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was dealt with: the tag of its bytes, and the model's run, or why it was rejected."""

    tag: str
    run_id: str
    rejected: str | None = None


class Inbox:
    """The files under a prefix of a bucket; `folder` keeps what was begun. Raises Unavailable, Rejected and OSError."""

    def __init__(self, objects: Objects, prefix: str, folder: Path) -> None:
        self._objects = objects
        self._in, self._out = f"{prefix}/in/", f"{prefix}/out/"
        self._folder = folder

    def waiting(self) -> list[StoredObject]:
        """The files that were not dealt with as they stand there, in the order of their names."""
        found = [one for one in self._objects.listed(self._in) if PurePosixPath(one.key).suffix.lower() in [*Format]]
        done = {key for key in self._objects.keys(self._out) if key.endswith(f"/{DONE}")}
        return [one for one in found if self._key(one, DONE) not in done or self._tag_done(one) != one.tag]

    def score(self, waiting: StoredObject, scorer: FileScorer) -> Summary | Done | None:
        """Score one file; why it was rejected if it was, None if it was replaced meanwhile: the next run has it."""
        name = hashlib.sha256(f"{waiting.key}/{waiting.tag}".encode()).hexdigest()[:32]
        folder = self._folder / name
        file = folder / "in" / PurePosixPath(waiting.key).name
        if not self._fetch(waiting, file):
            shutil.rmtree(folder)
            return None
        result: Summary | Done
        try:
            out = folder / f"scores{PurePosixPath(waiting.key).suffix.lower()}"
            result = scorer.score(file, out)
            for path in (out, faults_path(out), summary_path(out)):
                if path.exists():
                    self._objects.upload(path, self._key(waiting, path.name))
            done = Done(tag=waiting.tag, run_id=scorer.model.run_id)
        except Rejected as error:
            result = done = Done(tag=waiting.tag, run_id=scorer.model.run_id, rejected=str(error))
        self._objects.put(self._key(waiting, DONE), msgspec.json.encode(done))
        shutil.rmtree(folder)
        return result

    def _fetch(self, waiting: StoredObject, path: Path) -> bool:
        """Have the bytes that were listed; False if they are others by now."""
        if path.exists():
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        self._objects.download(waiting.key, draft)
        if waiting not in self._objects.listed(waiting.key):
            return False
        draft.replace(path)
        return True

    def _tag_done(self, waiting: StoredObject) -> str | None:
        try:
            return msgspec.json.decode(self._objects.get(self._key(waiting, DONE)), type=Done).tag
        except msgspec.MsgspecError:
            return None

    def _key(self, waiting: StoredObject, name: str) -> str:
        return f"{self._out}{waiting.key.removeprefix(self._in)}/{name}"


def score_all(inbox: Inbox, waiting: list[StoredObject], scorer: FileScorer) -> Iterator[tuple[str, bool]]:
    """Score each file; a sentence about each, and whether it went well. A file that is rejected stops no other."""
    for one in waiting:
        try:
            found = inbox.score(one, scorer)
        except Unavailable as error:
            yield f"{one.key}: {error}. It is gone on with at the next run", False
            return
        if found is None:
            yield f"{one.key}: it was replaced meanwhile, and is scored at the next run", True
        elif isinstance(found, Done):
            yield f"{one.key}: {found.rejected}. It is not tried again before it is replaced", False
        else:
            yield f"{one.key}: {found.scored:,} rows scored, {found.faulty:,} faulty, by the run {found.run_id}", True
