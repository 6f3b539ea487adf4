"""The trials of a sweep on a Dask cluster: an executor for `search.sweep`, and the way to a cluster.

The table travels once to each worker, in a plugin: the scheduler keeps a copy and gives it to every worker that joins,
so that one which died and came back has it before its first trial. A trial itself is a name, a number and parameters.
A trial whose worker dies is run again elsewhere; its place in the sweep, and so every proposal, stays the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client, KilledWorker, Worker, WorkerPlugin, get_worker
from distributed.deploy.subprocess import SubprocessCluster

from model_orchestration.code_digest import sweep_digest
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import Params, Trial
from tabular.errors import Rejected, Unavailable

RETRIES = 3
CONNECT_SECONDS = 30.0
RETRY_AFTER_SECONDS = 5.0
QUIET = {"distributed.worker.profile.enabled": False}  # Dask samples every thread 100 times a second, for its pages


class FitOnWorker(WorkerPlugin):  # type: ignore[misc]
    """What every worker of a sweep holds: the data and how to fit, and the digest of the code that it must run."""

    def __init__(self, fit: Fit, code: str) -> None:
        self._fit = fit
        self._code = code
        self._own_code = ""
        self._address = ""

    def setup(self, worker: Worker) -> None:
        """Note what this worker runs; called on the worker, before its first trial."""
        self._own_code, self._address = sweep_digest(), worker.address

    def run(self, number: int, params: Params) -> Trial:
        """Fit one proposal; raises Rejected on a worker whose code would give another result."""
        if self._own_code != self._code:
            raise other_code(self._address, self._own_code, self._code)
        return self._fit(number, params)


@dataclass(frozen=True)
class RemoteFit:
    """`Fit` as a cluster runs it: the data are on the worker already, under this name."""

    name: str

    def __call__(self, number: int, params: Params) -> Trial:
        """Fit one proposal; called on a worker."""
        placed: FitOnWorker = get_worker().plugins[self.name]
        return placed.run(number, params)


@contextmanager
def on_dask(fit: Fit, scheduler: str, workers: int) -> Iterator[tuple[Executor, RemoteFit]]:
    """A cluster's executor, and the fit to run on it; raises Unavailable like `connected`."""
    name = f"sweep-{uuid.uuid4().hex}"
    with connected(scheduler, workers) as client:
        client.register_plugin(FitOnWorker(fit, sweep_digest()), name=name)
        try:
            yield client.get_executor(pure=False, retries=RETRIES), RemoteFit(name)
        finally:
            if client.status == "running":
                client.unregister_worker_plugin(name)


@contextmanager
def connected(scheduler: str, workers: int) -> Iterator[Any]:
    """A client of the cluster.

    `scheduler` is an address such as tcp://10.0.0.5:8786; if empty, a cluster of this many processes is started here
    for as long as the block lasts. Raises Unavailable if the cluster cannot be reached, has no worker, or is lost.
    """
    try:
        with _cluster(workers, scheduler) as address, _client(address) as client:
            yield client
    except KilledWorker as error:
        raise Unavailable("the Dask cluster", str(error), RETRY_AFTER_SECONDS) from error
    except CancelledError as error:
        raise Unavailable("the Dask cluster", "the scheduler was lost in mid-sweep", RETRY_AFTER_SECONDS) from error


def other_code(address: str, found: str, expected: str) -> Rejected:
    """The rejection of a worker whose code would give another result."""
    return Rejected(
        f"the Dask worker {address} runs other code or another XGBoost ({found}) than the sweep "
        f"({expected}): install the same version of the project there"
    )


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unavailable(
            "the Dask scheduler", f"nothing responds at {address}: {error}", RETRY_AFTER_SECONDS
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise Unavailable("the Dask cluster", f"{address} has no worker", RETRY_AFTER_SECONDS) from error
        yield client


@contextmanager
def _cluster(workers: int, scheduler: str) -> Iterator[str]:
    if scheduler:
        yield scheduler
        return
    # Processes of their own rather than spawned ones, which would each import the flow, and Prefect with it, again.
    with SubprocessCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,
        worker_kwargs={"memory_limit": 0, "dashboard": False, "config": QUIET},
    ) as cluster:
        yield cluster.scheduler_address
