"""The port `BundleSource` over folders, without a registry."""

from __future__ import annotations

import shutil
from pathlib import Path

from tabular.errors import NotFound, Unavailable


class FolderBundles:
    """`bundles` are folders by run id, `alias` is the champion's; `is_down` makes every call fail."""

    def __init__(self, *, is_down: bool = False, **bundles: Path) -> None:
        self.bundles = bundles
        self.alias: str | None = None
        self.is_down = is_down
        self.fetches = 0

    def champion(self) -> str:
        self._up()
        if self.alias is None:
            raise NotFound("no run has the alias champion")
        return self.alias

    def fetch_bundle(self, run_id: str, folder: Path) -> None:
        self._up()
        if run_id not in self.bundles:
            raise NotFound(f"there is no run {run_id}")
        self.fetches += 1
        shutil.copytree(self.bundles[run_id], folder, dirs_exist_ok=True)

    def _up(self) -> None:
        if self.is_down:
            raise Unavailable("MLflow", "it is switched off")
