"""Where the trials of a sweep run: in threads here, or on a Dask cluster. The result is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from model_orchestration.search import Fit, Params, Trial, threads
from tabular.errors import Rejected

EngineName = Literal["local", "dask"]


@dataclass(frozen=True)
class Engine:
    """How a sweep is run: by so many workers, here or (`dask`) on the cluster of a scheduler, its own one if empty."""

    workers: int
    name: EngineName = "local"
    scheduler: str = ""

    @contextmanager
    def started(self, fit: Fit) -> Iterator[tuple[Executor, Callable[[int, Params], Trial]]]:
        """The executor, and the fit as it is to be given to `search.sweep`; raises Unavailable, or Rejected."""
        if self.name == "local":
            with threads(self.workers) as executor:
                yield executor, fit
            return
        try:
            from model_orchestration.dask_engine import on_dask
        except ModuleNotFoundError as error:
            raise Rejected(
                f"the engine dask needs a package that is not installed ({error.name}): "
                "install the dependency group dask, as `make train engine=dask` does"
            ) from error
        with on_dask(fit, self.scheduler, self.workers) as pair:
            yield pair
