"""What stands behind the API's routes: the model, the outbox, the metrics, and the threads that keep them fresh."""

from __future__ import annotations

import threading
from typing import Any

from server.api_metrics import ApiMetrics
from server.drain import Drain
from server.http_door import HttpDoor
from server.outbox import Outbox
from server.predictor import Predictor
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.registry import MlflowRegistry
from tabular.bundle_cache import BundleCache
from tabular.contract import load_contract
from tabular.errors import Unavailable
from tabular.settings import Settings

LOOK_AT_STORE_SECONDS = 5.0


class ApiService:
    """One worker's parts, wired. Raises TabularError without a verified model or an outbox that can be written."""

    def __init__(self, settings: Settings) -> None:
        name = settings.model_name or load_contract(settings.contract).table.name
        registry = MlflowRegistry(settings.mlflow_tracking_uri, name)
        self.predictor = Predictor(BundleCache(registry, settings.state_dir / "bundles"), settings.run_id)
        self._folder = settings.state_dir / "outbox"
        self._store = MongoPredictions(settings.mongo_uri, settings.mongo_database)
        self._store_answers: bool | None = None
        self._settings = settings
        self._stop = threading.Event()
        self.outbox = self._open_outbox()
        self.metrics = ApiMetrics(self.outbox)
        self.metrics.model(self.predictor.model)
        self.door = HttpDoor(self.predictor, self.outbox, self.metrics, settings.max_batch_rows)

    def start(self) -> None:
        """Start draining the outbox, following the champion and looking at the store, in the background."""
        # The drain has a connection of its own: an answer never waits for it inside this process.
        drain = Drain(self._open_outbox(), self._store, self._folder)
        for name, run in (("drain", drain.run), ("follow", self._follow), ("look", self._look_at_store)):
            threading.Thread(name=name, target=run, args=(self._stop,), daemon=True).start()

    def stop(self) -> None:
        """Stop the background threads."""
        self._stop.set()

    def readiness(self) -> dict[str, Any]:
        """What is served and how the outbox stands; raises Unavailable if predictions cannot be written down."""
        model = self.predictor.model
        contract = model.bundle.contract
        current = self.outbox.status().current
        return {
            "status": "ready",
            "model_run_id": model.run_id,
            "bundle": model.bundle.digest,
            "contract": {"name": contract.table.name, "digest": contract.digest},
            "outbox": {"predictions": current.depth, "oldest_age_seconds": round(current.oldest_age_seconds, 3)},
            # For information: an API whose store is down still answers.
            "store": {"reachable": self._store_answers},
        }

    def _open_outbox(self) -> Outbox:
        return Outbox(self._folder, self._settings.outbox_max_bytes, self._settings.outbox_sync)

    def _follow(self, stop: threading.Event) -> None:
        while not stop.wait(self._settings.model_refresh_seconds):
            if self.predictor.refresh():
                self.metrics.model(self.predictor.model)

    def _look_at_store(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._store.ping()
                self._store_answers = True
            except Unavailable:
                self._store_answers = False
            stop.wait(LOOK_AT_STORE_SECONDS)
