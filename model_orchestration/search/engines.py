"""Where the trials of a sweep run: in threads here, or on a Dask cluster. The result is the same.

Unless the rows of each trial are divided: then it depends on how many shares they lie in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

from model_orchestration.search.families.fit import Fit
from model_orchestration.search.on_dask.row_shares import StoredRows
from model_orchestration.search.sweep import threads
from model_orchestration.search.trial import Params, Trial
from tabular.errors import Rejected

EngineName = Literal["local", "dask"]
ParallelismName = Literal["trials", "rows"]


@dataclass(frozen=True)
class Engine:
    """How a sweep is run: by so many workers, here or (`dask`) on the cluster of a scheduler, its own one if empty."""

    workers: int
    name: EngineName = "local"
    scheduler: str = ""
    parallelism: ParallelismName = "trials"

    @property
    def row_shares(self) -> int:
        """How many workers the rows of each trial lie on; 0 if a trial has all rows to itself."""
        return self.workers if self.parallelism == "rows" else 0

    @contextmanager
    def started(
        self, fit: Fit, stored: StoredRows | None = None
    ) -> Iterator[tuple[Executor, Callable[[int, Params], Trial]]]:
        """The executor, and the fit as it is to be given to `search.sweep`; raises Unavailable, or Rejected.

        `stored` are the same rows in the feature store, where a cluster that divides them reads its shares.
        """
        if self.name == "local":
            with threads(self.workers) as executor:
                yield executor, fit
            return
        with self._on_dask(fit, stored) as pair:
            yield pair

    def _on_dask(
        self, fit: Fit, stored: StoredRows | None
    ) -> AbstractContextManager[tuple[Executor, Callable[[int, Params], Trial]]]:
        try:
            if self.parallelism == "rows":
                if stored is None:
                    raise ValueError("rows that a cluster divides are read from the feature store: say where they lie")
                from model_orchestration.search.on_dask.dask_rows import on_dask_rows

                return on_dask_rows(fit, stored, self.scheduler, self.workers)
            from model_orchestration.search.on_dask.dask_trials import on_dask

            return on_dask(fit, self.scheduler, self.workers)
        except ModuleNotFoundError as error:
            raise Rejected(
                f"the engine dask needs a package that is not installed ({error.name}): "
                "install the dependency group dask, as `make train engine=dask` does"
            ) from error
