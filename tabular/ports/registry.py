"""The model registry: which run is the champion, its bundle, and for training the runs and model versions it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tabular.model.bundle_files import FileLimits

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
"""The aliases of model versions: what serves, what passed the gate and is compared with it, and what served before."""

BUNDLE = "bundle"
"""The artifact path of a run under which its bundle lies, so that a run id alone finds it."""


@dataclass(frozen=True)
class Run:
    """One run as the registry keeps it: everything is text but the metrics. `parent_id` is its sweep's run, if any."""

    id: str
    url: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    parent_id: str | None = None


@dataclass(frozen=True)
class Dataset:
    """What a run was trained on: the table's name, the sha256 of the version's bytes, and where these are."""

    name: str
    sha256: str
    url: str


class BundleSource(Protocol):
    """What serving needs of the registry. Raises Unavailable, or NotFound for an unknown run or alias."""

    def champion(self) -> str:
        """The run id that the alias `champion` stands on; raises NotFound if it stands on none."""

    def fetch_bundle(self, run_id: str, folder: Path) -> None:
        """Download the run's bundle into the empty folder; raises BrokenBundle for one that is too large or odd."""


class ModelRegistry(BundleSource, Protocol):
    """What training and monitoring need besides. Raises Unavailable, NotFound, or Rejected for what is not taken."""

    def alias(self, alias: str) -> str:
        """The run id that an alias stands on; raises NotFound if it stands on none."""

    def trained_at(self) -> float:
        """When a training run last completed, in seconds since 1970; raises NotFound if none ever did."""

    def version_tags(self, run_id: str) -> Mapping[str, str]:
        """The tags of the model version that a run is, newest first; none if it is no version."""

    def fetch(self, run_id: str, path: str, limits: FileLimits, folder: Path) -> None:
        """Download the files that `limits` names from under an artifact path of the run into the empty folder.

        Raises NotFound if there are none, and BrokenBundle for what is too large or is listed under an odd name.
        """

    def run(self, run_id: str) -> Run:
        """A run; raises NotFound if there is none, or if it was deleted."""

    def url(self, run_id: str) -> str:
        """The page of a run."""

    def start_run(self, name: str, tags: Mapping[str, Any], parent_id: str | None = None) -> str:
        """Open a run, under a parent if one is given; returns its id."""

    def log(
        self,
        run_id: str,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Write parameters, metrics and tags in one call."""

    def log_dataset(self, run_id: str, dataset: Dataset) -> None:
        """Write what the run was trained on, as its input."""

    def put_folder(self, run_id: str, folder: Path, path: str) -> None:
        """Upload the files of a folder under an artifact path of the run."""

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""

    def end_running(self, tag: str, value: str, why: str) -> int:
        """Close every open run with this tag as failed; returns how many there were."""

    def register(self, run_id: str, alias: str | None, tags: Mapping[str, Any], about: str = "") -> str:
        """Make the run's bundle a model version with these tags, and give it the alias, if any; returns the version.

        A run that is a version already stays that version. `about` is its description, the one before if it is empty.
        """

    def note_trained(self) -> None:
        """Write down that a training run has completed now, whatever came of it."""

    def drop_alias(self, alias: str, run_id: str) -> None:
        """Take the alias away if it stands on this run."""
