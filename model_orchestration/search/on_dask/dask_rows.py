"""The rows of a sweep divided over a Dask cluster: trials one after another, each fitted by all workers together.

No worker holds more than its share of the rows, which it reads from the feature store (`row_shares`). XGBoost sums the
histograms of all shares (`xgboost.dask`), so the result depends on how many shares there are, and on nothing else:
share i always goes to the worker that gets rank i. A trial under which a worker dies is fitted again, once there are
enough workers and the rows are read anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any

import numpy as np
import xgboost as xgb
from dask import array
from distributed import KilledWorker, wait
from xgboost import dask as xgb_dask
from xgboost.collective import Config

from model_orchestration.code_digest import sweep_digest
from model_orchestration.search.families.boosting import MAX_BINS
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.on_dask.dask_trials import RETRIES, RETRY_AFTER_SECONDS, connected, other_code
from model_orchestration.search.on_dask.row_shares import RowShare, StoredRows, read_share
from model_orchestration.search.sweep import threads
from model_orchestration.search.trial import Params, Trial, family_of
from tabular.errors import Unavailable

WORKERS_SECONDS = 60.0
"""How long to wait for as many workers as there are shares, at the start and when one has died."""

DEATH_SECONDS = 5.0
"""How long the scheduler may take to notice a death that the other workers noticed first."""

MEETING_SECONDS = 20
"""How long the workers of a fit wait for one another before its first round: for one that has died, else, for ever."""

POLL_SECONDS = 1.0

FAILURES = (xgb.core.XGBoostError, KilledWorker, CancelledError, RuntimeError, ValueError, KeyError, OSError)
"""What placing rows or a fit may end with when a worker dies; a failure with all workers alive is raised as it is."""


class RowParallelFit:
    """`Fit` on stored rows that lie in so many shares on the workers of a cluster; runs here, one call at a time."""

    def __init__(self, fit: Fit, stored: StoredRows, client: Any, shares: int) -> None:
        self._fit = fit
        self._stored = stored
        self._client = client
        self._shares = shares
        self._chosen: list[str] = []
        self._pieces: list[Any] = []
        self._placed: tuple[xgb_dask.DaskDMatrix, xgb_dask.DaskDMatrix] | None = None
        self._types: tuple[str, ...] | None = None

    def __call__(self, number: int, params: Params) -> Trial:
        """Fit one proposal; raises Unavailable if the workers cannot be had or keep dying, Rejected for other code."""
        started = time.perf_counter()
        for _ in range(1 + RETRIES):
            try:
                booster = self._train(params, family_of(params))
            except FAILURES:
                if not self._somebody_died():
                    raise
                self._chosen, self._pieces, self._placed = [], [], None
                continue
            return self._fit.boosting.finished(number, params, booster, started, family_of(params))
        why = f"workers died {1 + RETRIES} times under trial {number}: give them more memory, or add workers"
        raise Unavailable("the Dask cluster", why, RETRY_AFTER_SECONDS)

    def _train(self, params: Params, family: str) -> xgb.Booster:
        with self._client.as_current():  # xgboost.dask asks for one, whatever client it is given
            types = self._fit.boosting.feature_types(params)
            if self._placed is None or types != self._types:
                self._placed, self._pieces = None, []  # the shares of the other kind are given up first
                self._placed, self._types = self._place(types), types
            train, validation = self._placed
            done = xgb_dask.train(
                self._client,
                self._fit.boosting.settings(params, family),
                train,
                evals=[(validation, "validation")],
                verbose_eval=False,
                **self._fit.boosting.rounds(family),
                coll_cfg=Config(tracker_timeout=MEETING_SECONDS),
            )
        booster: xgb.Booster = done["booster"]
        return booster

    def _place(self, types: tuple[str, ...] | None) -> tuple[xgb_dask.DaskDMatrix, xgb_dask.DaskDMatrix]:
        """Have each worker read its share of train and of validation; they are binned there, anew for each trial."""
        workers = self._chosen = self._workers()
        train, target = self._read(self._stored.train, workers)
        known, known_target = self._read(self._stored.validation, workers)
        options = {"feature_types": types, "enable_categorical": types is not None}
        binned = xgb_dask.DaskQuantileDMatrix(self._client, train, target, max_bin=MAX_BINS, **options)
        if types is not None:  # not binned, as in `BoostingFit`
            return binned, xgb_dask.DaskDMatrix(self._client, known, known_target, **options)
        return binned, xgb_dask.DaskQuantileDMatrix(self._client, known, known_target, max_bin=MAX_BINS, ref=binned)

    def _read(self, rows: RowShare, workers: list[str]) -> tuple[array.Array, array.Array]:
        """The matrix and the target of these rows, each worker's share read and kept by itself."""
        matrices, targets, width = [], [], len(rows.contract.inputs)
        for worker, share in zip(workers, rows.divided(len(workers)), strict=True):
            pair = self._client.submit(read_share, share, workers=[worker], pure=False)
            matrix, target = (
                self._client.submit(itemgetter(at), pair, workers=[worker], pure=False) for at in range(2)
            )
            self._pieces += [pair, matrix, target]
            matrices.append(array.from_delayed(matrix, (len(share.rows), width), np.float32))
            targets.append(array.from_delayed(target, (len(share.rows),), np.float64))
        self._wait()
        return array.concatenate(matrices), array.concatenate(targets)

    def _wait(self) -> None:
        """Until all shares are read; raises what a worker could not do, or ConnectionError if one is gone."""
        while [piece for piece in self._pieces if piece.status == "pending"]:
            with suppress(TimeoutError):
                wait(self._pieces, timeout=POLL_SECONDS)
            if not self._alive().keys() >= set(self._chosen):
                raise ConnectionError("a worker died while it read its share")
        for piece in self._pieces:
            if piece.status == "error":
                raise piece.exception()

    def _workers(self) -> list[str]:
        """The workers' addresses by the rank that XGBoost will give them: it sorts by their names, then addresses."""
        try:
            self._client.wait_for_workers(self._shares, timeout=WORKERS_SECONDS)
        except TimeoutError as error:
            there = len(self._alive())
            why = f"the rows are to lie on {self._shares} workers, there are {there}: start more or set SWEEP_WORKERS"
            raise Unavailable("the Dask cluster", why, RETRY_AFTER_SECONDS) from error
        names = {address: f"[xgboost.dask-{known['id']}]:{address}" for address, known in self._alive().items()}
        chosen = sorted(names, key=names.__getitem__)[: self._shares]
        for address, found in self._client.run(own_code, workers=chosen).items():
            if found != sweep_digest():
                raise other_code(address, found, sweep_digest())
        return chosen

    def _alive(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._client.status == "running":
            with suppress(OSError):
                # Not scheduler_info: what that returns is written over, without workers, by the client's own thread.
                found = self._client.sync(self._client.scheduler.identity, n_workers=-1)
        if "workers" not in found:
            raise Unavailable("the Dask cluster", "the scheduler was lost in mid-sweep", RETRY_AFTER_SECONDS)
        alive: dict[str, Any] = found["workers"]
        return alive

    def _somebody_died(self) -> bool:
        """True if a worker or its share is gone; raises Unavailable if the scheduler is."""
        deadline = time.monotonic() + DEATH_SECONDS
        while time.monotonic() < deadline:
            came_back_empty = any(piece.status in {"lost", "cancelled"} for piece in self._pieces)
            if came_back_empty or not self._alive().keys() >= set(self._chosen):
                return True
            time.sleep(0.1)
        return False


def own_code() -> str:
    """The digest of the code that this process runs; called on a worker."""
    return sweep_digest()


@contextmanager
def on_dask_rows(
    fit: Fit, stored: StoredRows, scheduler: str, shares: int
) -> Iterator[tuple[Executor, RowParallelFit]]:
    """One thread here, and the fit that has the cluster do the work; raises Unavailable like `connected`."""
    with connected(scheduler, shares) as client:
        executor = threads(1)
        try:
            yield executor, RowParallelFit(fit, stored, client, shares)
        finally:
            executor.shutdown(cancel_futures=True)
