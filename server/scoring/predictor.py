"""The model of a table that serves now: the pinned run, or whichever is champion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from server.scoring.model import Model, ready_model
from tabular.errors import InvalidSetting, NotFound, Rejected, TabularError, Unavailable
from tabular.model.bundle_cache import BundleCache
from tabular.process.background import BackgroundTask
from tabular.tables.pins import variable_of
from tabular.wiring import Wiring

log = logging.getLogger(__name__)

MODEL_CHECK_SECONDS = 5.0
"""How long a client is told to wait for the first model of a table."""


class Predictor:
    """Holds the model of `table` that serves now; `refresh` takes up the first, and follows the champion."""

    def __init__(self, cache: BundleCache, table: str, run_id: str) -> None:
        self.table = table
        self._cache = cache
        self._pinned = run_id
        self._model: Model | None = None
        self._why_none = "it has not been looked for yet"

    @property
    def model(self) -> Model:
        """The model that serves now; raises Unavailable while there is none."""
        if self._model is None:
            raise Unavailable(f"a model of the table {self.table}", self._why_none, MODEL_CHECK_SECONDS)
        return self._model

    @property
    def why_none(self) -> str:
        """Why there is no model, without an address; empty if there is one."""
        return "" if self._model is not None else self._why_none

    def refresh(self) -> None:
        """Take up the pinned run, or a new champion; raises TabularError and keeps the model, if there is one."""
        if self._pinned and self._model is not None:
            return
        try:
            run_id = self._pinned or self._cache.champion()
            if self._model is None or run_id != self._model.run_id:
                self._model = self._load(run_id)
        except TabularError as error:
            self._why_none = _in_public(error)
            raise

    def attempt(self) -> TabularError | None:
        """Refresh, and return what went wrong; raises Rejected for a pinned run, which waiting does not help."""
        try:
            self.refresh()
        except TabularError as error:
            if self._pinned and isinstance(error, Rejected):
                raise
            log.warning("no model yet: %s", error, extra={"table": self.table})
            return error
        return None

    def follower(
        self, interval_seconds: float, tell: Callable[[BackgroundTask], object] = lambda _: None, name: str = "follow"
    ) -> BackgroundTask:
        """The background task that refreshes at this interval."""
        goes_on = "the present model goes on serving, if there is one"
        return BackgroundTask(name, self.refresh, interval_seconds, meanwhile=goes_on, tell=tell)

    def _load(self, run_id: str) -> Model:
        model = ready_model(run_id, self._cache.load(run_id))
        if model.table != self.table:
            raise InvalidSetting(
                f"the run {run_id} is a model of the table {model.table}, and {self.table} is served here: set "
                f"{variable_of(self.table)}, or RUN_ID for the first table, to a run of {self.table}; left empty, its "
                "champion is served"
            )
        about = {"table": self.table, "run_id": run_id}
        log.info("serving a model, bundle %s", model.bundle.digest[:12], extra=about)
        return model


def predictor_of(wiring: Wiring, run_id: str = "") -> Predictor:
    """The predictor of the wiring's table, without a model yet; `run_id` comes before what the settings pin."""
    return Predictor(wiring.bundles(), wiring.contract.table.name, run_id or wiring.pinned_run)


def served_model(wiring: Wiring, run_id: str = "") -> Model:
    """The model of the wiring's table that is to serve now; raises TabularError if there is none."""
    predictor = predictor_of(wiring, run_id)
    predictor.refresh()
    return predictor.model


def loaded(wirings: Iterable[Wiring]) -> list[Predictor]:
    """The predictors of several tables, each with its model if it has one.

    Raises TabularError if a pinned run cannot be served, or if no table has a model: then there is nothing to serve.
    """
    predictors = [predictor_of(wiring) for wiring in wirings]
    failures = [error for predictor in predictors if (error := predictor.attempt()) is not None]
    if len(failures) == len(predictors):
        raise failures[0]
    return predictors


def _in_public(error: TabularError) -> str:
    """Why there is no model, for clients: no address, and no name of a file."""
    if isinstance(error, NotFound):
        return "it has no champion yet, until a training run of it has passed the gate"
    if isinstance(error, Unavailable):
        return "the model registry does not respond, and there is no local copy"
    return "its model cannot be served, and the server's log says why"
