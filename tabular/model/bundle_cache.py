"""Local copies of bundles, so that a reader can start while the registry is down.

<folder>/<run id>/      a verified bundle
<folder>/<table>.champion   the run id of the table's alias `champion` when the registry last responded
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from pathlib import Path

from tabular.errors import BrokenBundle, NotFound, Unavailable
from tabular.model.bundle import Bundle, read_bundle
from tabular.ports.registry import BundleSource

log = logging.getLogger(__name__)

_RUN_ID = re.compile(r"[0-9A-Za-z]{1,64}")


class BundleCache:
    """Fetches each run's bundle once, verifies it before its first use, and reads it from disk from then on."""

    def __init__(self, store: BundleSource, folder: Path, table: str) -> None:
        self._store = store
        self._folder = folder
        self._champion = folder / f"{table}.champion"

    def champion(self) -> str:
        """The champion's run id, or the last known one if the registry is down; raises Unavailable, NotFound."""
        last_known = self._last_known()
        try:
            run_id = self._store.champion()
        except Unavailable as error:
            if last_known is None:
                raise
            log.warning("%s; using the last known champion", error)
            return last_known
        _check(run_id)
        if run_id != last_known:
            self._save(run_id)
        return run_id

    def load(self, run_id: str) -> Bundle:
        """The verified bundle of a run; raises BrokenBundle, NotFound or Unavailable."""
        _check(run_id)
        kept = self._folder / run_id
        if kept.exists():
            try:
                return _verified(kept)
            except BrokenBundle as error:
                log.warning("dropping the local copy: %s", error)
                shutil.rmtree(kept, ignore_errors=True)  # another worker may be deleting it too
        return self._fetch(run_id, kept)

    def _last_known(self) -> str | None:
        try:
            return self._champion.read_text().strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the last known champion cannot be read: %s", error)
            return None

    def _save(self, run_id: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._champion, run_id)
        except OSError as error:  # it is needed only for a start while the registry is down
            log.warning("the champion %s cannot be saved for the next start: %s", run_id, error)

    def _fetch(self, run_id: str, kept: Path) -> Bundle:
        try:
            return self._fetched(run_id, kept)
        except OSError as error:
            raise Unavailable("the folder of bundles", f"{error}. Check the disk under {self._folder}") from error

    def _fetched(self, run_id: str, kept: Path) -> Bundle:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=self._folder, prefix=".fetching-"))
        try:
            self._store.fetch_bundle(run_id, fresh)
            _verified(fresh)
            try:
                fresh.rename(kept)
            except OSError:  # another worker has fetched the same bundle
                log.debug("bundle %s was fetched by another process meanwhile", run_id)
            return read_bundle(kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _check(run_id: str) -> None:
    # It becomes a path, and comes from the settings or from the registry.
    if not _RUN_ID.fullmatch(run_id):
        raise NotFound(f"RUN_ID {run_id[:100]!r} is not the id of an MLflow run: copy it from the run's page")


def _verified(folder: Path) -> Bundle:
    bundle = read_bundle(folder)
    bundle.verify()
    return bundle


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
