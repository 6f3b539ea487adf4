"""The model that answers now: the pinned run, or whichever is champion."""

from __future__ import annotations

import logging
import threading

from server.model import Model, ready_model
from tabular.bundle_cache import BundleCache
from tabular.errors import TabularError

log = logging.getLogger(__name__)


class Predictor:
    """Holds the model that answers now; `refresh` follows the champion when no run is pinned."""

    def __init__(self, cache: BundleCache, run_id: str) -> None:
        self._cache = cache
        self._pinned = run_id
        self.model = self._load(run_id or cache.champion())

    def refresh(self) -> bool:
        """Take up a new champion if there is one; a failure keeps the present model. Returns True after a change."""
        if self._pinned:
            return False
        try:
            run_id = self._cache.champion()
            if run_id == self.model.run_id:
                return False
            self.model = self._load(run_id)
        except TabularError as error:
            log.error("staying with run %s: %s", self.model.run_id, error)
            return False
        return True

    def follow(self, interval_seconds: float, stop: threading.Event) -> None:
        """Refresh at this interval until stopped; meant for a background thread."""
        while not stop.wait(interval_seconds):
            self.refresh()

    def _load(self, run_id: str) -> Model:
        model = ready_model(run_id, self._cache.load(run_id))
        log.info("serving run %s, bundle %s", run_id, model.bundle.digest[:12])
        return model
