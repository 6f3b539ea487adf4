"""A folder with one model instead of a registry: `<folder>/<run id>/` is its bundle, as `make image` puts it there."""

from __future__ import annotations

import shutil
from pathlib import Path

from tabular.errors import NotFound, Unavailable
from tabular.model.bundle_files import BUNDLE_LIMITS


class BundleFolder:
    """Implements `BundleSource` by a folder that came with the code; nothing is asked of any server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def champion(self) -> str:
        """The run whose bundle is there; raises NotFound unless it is exactly one."""
        runs = sorted(path.name for path in self._folder.glob("*/"))
        if len(runs) != 1:
            found = ", ".join(runs)[:200] or "none"
            raise NotFound(
                f"MODEL_DIR={str(self._folder)!r} must hold one model, in a folder named by its run: {found}"
            )
        return runs[0]

    def fetch_bundle(self, run_id: str, folder: Path) -> None:
        """Copy the run's bundle into the empty folder; raises NotFound for another run, or Unavailable."""
        if run_id != (held := self.champion()):
            raise NotFound(
                f"the model of MODEL_DIR={str(self._folder)!r} is run {held}, and RUN_ID asks for {run_id}: leave "
                "RUN_ID out, or build an image of that run (make image)"
            )
        try:
            for file in (self._folder / held).iterdir():
                if file.name in BUNDLE_LIMITS.file_bytes:
                    shutil.copyfile(file, folder / file.name)
        except OSError as error:
            raise Unavailable("the folder of the model", f"{error}. Check MODEL_DIR and STATE_DIR") from error
