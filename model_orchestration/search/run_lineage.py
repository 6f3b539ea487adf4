"""Where a training run comes from, as MLflow shows it: its job, its data, and the revision of the code."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from model_orchestration.job import Job
from tabular.data import feature_store
from tabular.data.versions.dvc import DvcLineage
from tabular.data.versions.harvested import Harvested
from tabular.ports.objects import Objects
from tabular.ports.registry import Dataset

GIT_COMMIT = "mlflow.source.git.commit"
"""MLflow's own tag, which its pages show."""
DATA_PARAMS = ("data_url", "data_version")
"""The parameters of a run that are no hyperparameters: the address and the version of its data."""
VERSION_CHARACTERS = 8
"""So much of a data version stands in a name; `make data-diff` takes six."""
PROJECT = Path(__file__).resolve().parents[2]


def job_tags(job: Job) -> dict[str, Any]:
    """The tags of every run of a job: the job itself, and the commit where there is one."""
    revision = git_revision()
    return job.tags | ({GIT_COMMIT: revision} if revision else {})


def run_name(table: str, data_sha256: str, what: str) -> str:
    """The name of a run: its table, the beginning of its data version, and what it is."""
    return f"{table} {data_sha256[:VERSION_CHARACTERS]}: {what}"


def version_tags(objects: Objects, job: Job) -> dict[str, str]:
    """Where the job's version comes from, as tags of every run: what DVC knows of its file, and whose rows it has."""
    version = feature_store.find_version(objects, job.read_contract, job.data_sha256)
    return _dvc_tags(version.dvc) | _harvest_tags(version.harvested)


def _dvc_tags(dvc: DvcLineage | None) -> dict[str, str]:
    if dvc is None:
        return {}
    tags = {"dvc_path": dvc.path, "dvc_md5": dvc.md5}
    return tags | ({"dvc_revision": dvc.revision} if dvc.revision else {})


def _harvest_tags(harvested: Harvested | None) -> dict[str, str]:
    if harvested is None:
        return {}
    runs = ", ".join(f"{run_id} {rows}" for run_id, rows in sorted(harvested.runs.items()))
    return {
        "data_parent": harvested.parent,
        "data_harvested": str(harvested),
        "data_harvested_rows": str(harvested.rows),
        "data_harvested_runs": runs,
    }


def dataset_of(objects: Objects, job: Job) -> Dataset:
    """The version that the job is trained on."""
    contract = job.read_contract
    return Dataset(contract.table.name, job.data_sha256, feature_store.url(objects, contract, job.data_sha256))


def data_params(dataset: Dataset) -> dict[str, str]:
    """The version as parameters of a run, by which runs are compared."""
    return dict(zip(DATA_PARAMS, (dataset.url, dataset.sha256), strict=True))


@cache
def git_revision(project: Path = PROJECT) -> str | None:
    """The commit that is checked out; None where there is no git or no clone, as in an image."""
    command = ["git", "-C", str(project), "rev-parse", "--verify", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
