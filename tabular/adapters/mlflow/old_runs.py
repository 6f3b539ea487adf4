"""Runs that ended long ago, and their deletion: MLflow marks them, and `mlflow gc` takes them off the disk later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tabular.adapters.mlflow.errors import calling
from tabular.adapters.mlflow.registry import PARENT, MlflowRegistry
from tabular.ports.retention import OldRun

AT_ONCE = 1_000


class MlflowOldRuns(MlflowRegistry):
    """Implements `OldRuns` for the experiment and the model of one table. Raises what the registry raises."""

    def ended_before(self, before: datetime) -> list[OldRun]:
        """Every run of the experiment that ended before then and is not deleted, the oldest first."""
        ended = f"attributes.end_time < {int(before.timestamp() * 1_000)}"
        with calling("the old runs"):
            found = self._pages(
                self._client.search_runs,
                [self._experiment],
                filter_string=ended,
                order_by=["attributes.start_time ASC"],
            )
        return [OldRun(one.info.run_id, one.data.tags.get(PARENT)) for one in found]

    def registered(self) -> set[str]:
        """The runs that are a version of the model."""
        with calling("the versions of the model"):
            query = f"name = '{self._model_name}'"
            return {one.run_id for one in self._pages(self._client.search_model_versions, query)}

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted; its files stay until `mlflow gc`."""
        with calling(f"the run {run_id}"):
            self._client.delete_run(run_id)

    @staticmethod
    def _pages(search: Any, *asked: Any, **more: Any) -> list[Any]:
        found, token = [], None
        while True:
            page = search(*asked, max_results=AT_ONCE, page_token=token, **more)
            found += page
            token = page.token
            if not token:
                return found
