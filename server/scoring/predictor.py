"""The model that serves now: the pinned run, or whichever is champion."""

from __future__ import annotations

import logging
from collections.abc import Callable

from server.scoring.model import Model, ready_model
from tabular.model.bundle_cache import BundleCache
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)


class Predictor:
    """Holds the model that serves now; `refresh` follows the champion when no run is pinned. Raises TabularError."""

    def __init__(self, cache: BundleCache, run_id: str) -> None:
        self._cache = cache
        self._pinned = run_id
        self.model = self._load(run_id or cache.champion())

    def refresh(self) -> None:
        """Take up a new champion if there is one and no run is pinned; raises TabularError and keeps the model."""
        if self._pinned:
            return
        run_id = self._cache.champion()
        if run_id != self.model.run_id:
            self.model = self._load(run_id)

    def follower(
        self, interval_seconds: float, tell: Callable[[BackgroundTask], object] = lambda _: None
    ) -> BackgroundTask:
        """The background task that refreshes at this interval."""
        goes_on = "the present model goes on serving"
        return BackgroundTask("follow", self.refresh, interval_seconds, meanwhile=goes_on, tell=tell)

    def _load(self, run_id: str) -> Model:
        model = ready_model(run_id, self._cache.load(run_id))
        log.info("serving run %s, bundle %s", run_id, model.bundle.digest[:12])
        return model
