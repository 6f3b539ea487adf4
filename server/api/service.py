"""What stands behind the API's routes: the model, the outbox, the metrics, and the threads that keep them fresh."""

from __future__ import annotations

import threading
from typing import Any

from server.api.handlers import Handlers
from server.api.metrics import ApiMetrics
from server.outbox.relay_process import Drainer, Draining
from server.scoring.predictor import Predictor
from tabular.errors import Unavailable
from tabular.process.background import BackgroundTask
from tabular.wiring import Wiring

LOOK_AT_STORE_SECONDS = 5.0


class ApiService:
    """One worker's parts, wired. Raises TabularError without a verified model or an outbox that can be written."""

    def __init__(self, wiring: Wiring) -> None:
        settings = wiring.settings
        self.predictor = Predictor(wiring.bundles(), settings.run_id)
        self._draining = Draining(
            folder=str(settings.state_dir / "outbox"),
            max_bytes=settings.outbox_max_bytes,
            sync=settings.outbox_sync,
            mongo_uri=settings.mongo_uri,
            mongo_database=settings.mongo_database,
        )
        self._store = wiring.predictions()
        self._store_answers: bool | None = None
        self._stop = threading.Event()
        self.outbox = self._draining.outbox()
        self.metrics = ApiMetrics(self.outbox)
        self.metrics.model(self.predictor.model)
        self.handlers = Handlers(self.predictor, self.outbox, self.metrics, settings.max_batch_rows)
        self._drainer = Drainer(self._draining)
        self._following = self.predictor.following(settings.model_refresh_seconds, self._tell)
        self._looking = BackgroundTask("look", self._look_at_store, LOOK_AT_STORE_SECONDS)
        self.tasks = (self._drainer.task, self._following, self._looking)

    def start(self) -> None:
        """Have the outbox drained, follow the champion and look at the store, in the background."""
        for name, run in (("drain", self._drainer.run), ("follow", self._following.run), ("look", self._looking.run)):
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
            "trained_on_synthetic_data": model.bundle.synthetic,
            "contract": {"name": contract.table.name, "digest": contract.digest},
            "outbox": {"predictions": current.depth, "oldest_age_seconds": round(current.oldest_age_seconds, 3)},
            # For information: an API whose store is down still answers.
            "store": {"reachable": self._store_answers},
            # What fails in the background is told by its kind alone: this page asks for no key.
            "background": {task.name: {"failures": task.failures, "failing": task.failing} for task in self.tasks},
            "champion_checked_seconds_ago": round(self._following.worked_seconds_ago, 1),
        }

    def _tell(self, _: BackgroundTask) -> None:
        self.metrics.model(self.predictor.model)
        self.metrics.background(self.tasks)

    def _look_at_store(self) -> None:
        try:
            self._store.ping()
            self._store_answers = True
        except Unavailable:
            self._store_answers = False
