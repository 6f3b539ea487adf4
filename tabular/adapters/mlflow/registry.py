"""Models in MLflow: which run is the champion, its bundle, and the runs that training writes.

A bundle lies under `bundle/` of its run, so that a run id alone finds it. mlflow is imported on the first call, not
with this module: it takes a second or more. Only what mlflow-skinny has is used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tabular.adapters.mlflow import artifacts
from tabular.adapters.mlflow.errors import calling
from tabular.adapters.mlflow.named import experiment_of, make_registered_model
from tabular.errors import NotFound, Unavailable, without_login
from tabular.model.bundle_files import BUNDLE_LIMITS, FileLimits
from tabular.ports.registry import BUNDLE, CHAMPION, Dataset, Run

TRAINED_AT = "trained_at"
ENDED_BECAUSE = "ended_because"

# As shipped, a client whose server is down blocks for four minutes.
ATTEMPTS_AFTER_THE_FIRST = 2
BACKOFF_SECONDS = 1
REQUEST_SECONDS = 20
MAX_TAG_CHARACTERS = 5_000
MAX_DIGEST_CHARACTERS = 36
PARENT = "mlflow.parentRunId"
ON_ITS_PAGES = "?workflowType=machine_learning"
"""The same in an address: MLflow's pages of 3.17 go by that, and else show what belongs to language models."""


class MlflowRegistry:
    """The port `ModelRegistry` over an MLflow server; threads may share it. Raises Unavailable, NotFound, Rejected."""

    def __init__(self, tracking_uri: str, model_name: str) -> None:
        self._uri = tracking_uri.rstrip("/")
        self._model_name = model_name
        self._artifact_uris: dict[str, str] = {}

    # Reading

    def champion(self) -> str:
        """The run id that the alias `champion` stands on; raises NotFound if it stands on none."""
        return self.alias(CHAMPION)

    def alias(self, alias: str) -> str:
        """The run id that an alias stands on; raises NotFound if it stands on none."""
        with calling(f"the alias {alias} of the model {self._model_name}; train one first"):
            run_id = self._client.get_model_version_by_alias(self._model_name, alias).run_id
        if not isinstance(run_id, str):
            raise Unavailable("MLflow", f"its response for the alias {alias} names no run")
        return run_id

    def trained_at(self) -> float:
        """When a training run last completed, in seconds since 1970; raises NotFound if none ever did."""
        with calling(f"the model {self._model_name}; train one first"):
            tags = self._client.get_registered_model(self._model_name).tags
        if TRAINED_AT not in tags:
            raise NotFound(f"no training run of the model {self._model_name} has completed")
        return float(tags[TRAINED_AT])

    def version_tags(self, run_id: str) -> Mapping[str, str]:
        """The tags of the model version that a run is, newest first; none if it is no version."""
        with calling(f"the run {run_id}"):
            found = self._versions_of(run_id)
        return dict(found[0].tags) if found else {}

    def fetch_bundle(self, run_id: str, folder: Path) -> None:
        """Download the run's bundle into the empty folder; raises BrokenBundle for one that is too large or odd."""
        self.fetch(run_id, BUNDLE, BUNDLE_LIMITS, folder)

    def fetch(self, run_id: str, path: str, limits: FileLimits, folder: Path) -> None:
        """Download the files that `limits` names from under an artifact path of the run into the empty folder.

        Raises NotFound if there are none, and BrokenBundle for what is too large or is listed under an odd name.
        """
        with calling(f"the run {run_id}, or its files under {path}/"):
            artifacts.fetch(self._artifacts(run_id, path).artifact_uri, limits, folder)
        if not any(folder.iterdir()):
            raise NotFound(f"the run {run_id} has no files under {path}/: choose a trial of a sweep, not its parent")

    def run(self, run_id: str) -> Run:
        """A run; raises NotFound if there is none, or if it was deleted."""
        with calling(f"the run {run_id}"):
            found = self._client.get_run(run_id)
        if found.info.lifecycle_stage != "active":
            raise NotFound(f"the run {run_id} was deleted from MLflow")
        url = self.url(run_id, found.info.experiment_id)
        tags = found.data.tags
        return Run(run_id, url, found.data.params, found.data.metrics, tags, tags.get(PARENT))

    def url(self, run_id: str, experiment_id: str | None = None) -> str:
        """The page of a run."""
        page = f"{without_login(self._uri)}/#/experiments/{experiment_id or self._experiment}/runs/{run_id}"
        return f"{page}{ON_ITS_PAGES}"

    # Writing

    def start_run(self, name: str, tags: Mapping[str, Any], parent_id: str | None = None) -> str:
        """Open a run, under a parent if one is given; returns its id."""
        texts = {key: str(value)[:MAX_TAG_CHARACTERS] for key, value in tags.items()}
        if parent_id is not None:
            texts[PARENT] = parent_id
        with calling(f"the experiment {self._model_name}"):
            run = self._client.create_run(self._experiment, tags=texts, run_name=name)
        self._artifact_uris[run.info.run_id] = artifacts.checked_uri(run.info.artifact_uri, self._uri)
        return str(run.info.run_id)

    def log(
        self,
        run_id: str,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Write parameters, metrics and tags in one call."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        with calling(f"the run {run_id}"):
            self._client.log_batch(
                run_id,
                params=[Param(key, str(value)) for key, value in (params or {}).items()],
                metrics=[Metric(key, value, now, 0) for key, value in (metrics or {}).items()],
                tags=[RunTag(key, str(value)[:MAX_TAG_CHARACTERS]) for key, value in (tags or {}).items()],
            )

    def log_dataset(self, run_id: str, dataset: Dataset) -> None:
        """Write what the run was trained on, as its input; MLflow keeps 36 characters of a digest."""
        from mlflow.entities import Dataset as MlflowDataset
        from mlflow.entities import DatasetInput, InputTag

        source = json.dumps({"uri": dataset.url})
        found = MlflowDataset(dataset.name, dataset.sha256[:MAX_DIGEST_CHARACTERS], "s3", source)
        with calling(f"the run {run_id}"):
            context = InputTag("mlflow.data.context", "training")
            self._client.log_inputs(run_id, datasets=[DatasetInput(found, [context])])

    def put_folder(self, run_id: str, folder: Path, path: str | None = None) -> None:
        """Upload the files of a folder under an artifact path of the run."""
        with calling(f"the run {run_id}"):
            self._artifacts(run_id).log_artifacts(str(folder), path)

    def finish(self, run_id: str, *, failed: bool = False) -> None:
        """Close a run."""
        with calling(f"the run {run_id}"):
            self._client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

    def end_running(self, tag: str, value: str, why: str) -> int:
        """Close every open run with this tag, of any experiment, as failed; returns how many there were."""
        with calling(f"the runs of which {tag} is {value}"):
            experiments = [one.experiment_id for one in self._client.search_experiments()]
            wanted = f"attributes.status = 'RUNNING' and tags.`{tag}` = '{value}'"
            found = self._client.search_runs(experiments, wanted) if experiments else []
            for run in found:
                self._client.set_tag(run.info.run_id, ENDED_BECAUSE, why)
                self._client.set_terminated(run.info.run_id, "FAILED")
        return len(found)

    def register(self, run_id: str, alias: str | None, tags: Mapping[str, Any], about: str = "") -> str:
        """Make the run's bundle a model version with these tags, and give it the alias, if any; returns the version.

        A run that is a version already stays that version. `about` is its description, the one before if it is empty.
        """
        with calling(f"the run {run_id}"):
            known = self._versions_of(run_id)
            version = str(known[0].version) if known else self._new_version(run_id)
            for key, value in tags.items():
                self._client.set_model_version_tag(self._model_name, version, key, str(value)[:MAX_TAG_CHARACTERS])
            if about:
                self._client.update_model_version(self._model_name, version, about[:MAX_TAG_CHARACTERS])
            if alias is not None:
                self._client.set_registered_model_alias(self._model_name, alias, version)
        return version

    def note_trained(self) -> None:
        """Write down that a training run has completed now, whatever came of it; raises NotFound without a model."""
        with calling(f"the model {self._model_name}"):
            self._client.set_registered_model_tag(self._model_name, TRAINED_AT, str(int(time.time())))

    def drop_alias(self, alias: str, run_id: str) -> None:
        """Take the alias away if it stands on this run."""
        try:
            stands_on = self.alias(alias)
        except NotFound:
            return
        if stands_on == run_id:
            with calling(f"the alias {alias}"):
                self._client.delete_registered_model_alias(self._model_name, alias)

    # Inside

    def _versions_of(self, run_id: str) -> Any:
        return self._client.search_model_versions(f"name = '{self._model_name}' and run_id = '{run_id}'")

    def _new_version(self, run_id: str) -> str:
        make_registered_model(self._client, self._model_name)
        source = f"{self._artifact_uri(run_id)}/{BUNDLE}"
        return str(self._client.create_model_version(self._model_name, source, run_id, await_creation_for=0).version)

    @cached_property
    def _client(self) -> Any:
        from mlflow.environment_variables import (
            MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
            MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR,
            MLFLOW_HTTP_REQUEST_MAX_RETRIES,
            MLFLOW_HTTP_REQUEST_TIMEOUT,
            MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
        )
        from mlflow.tracking.client import MlflowClient

        for variable, value in (
            (MLFLOW_HTTP_REQUEST_MAX_RETRIES, ATTEMPTS_AFTER_THE_FIRST),
            (MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, BACKOFF_SECONDS),
            (MLFLOW_HTTP_REQUEST_TIMEOUT, REQUEST_SECONDS),
            (MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
            (MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
        ):
            if not variable.is_set():  # whoever set it in the environment knows better
                variable.set(value)
        return MlflowClient(self._uri, registry_uri=self._uri)

    @cached_property
    def _experiment(self) -> str:
        with calling(f"the experiment {self._model_name}"):
            return experiment_of(self._client, self._model_name)

    def _artifact_uri(self, run_id: str) -> str:
        if run_id not in self._artifact_uris:
            found = self._client.get_run(run_id).info.artifact_uri
            self._artifact_uris[run_id] = artifacts.checked_uri(found, self._uri)
        return self._artifact_uris[run_id]

    def _artifacts(self, run_id: str, path: str = "") -> Any:
        uri = f"{self._artifact_uri(run_id)}/{path}".rstrip("/")
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, tracking_uri=self._uri)
