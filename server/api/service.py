"""What stands behind the API's routes: the model, the outbox, the metrics, and the threads that refresh them."""

from __future__ import annotations

import threading
from typing import Any

from server.api.metrics import ApiMetrics
from server.outbox.relay_process import RelaySettings, RelaySupervisor
from server.scoring.predictor import Predictor
from tabular.errors import Unavailable
from tabular.process.background import BackgroundTask
from tabular.wiring import Wiring

PING_STORE_SECONDS = 5.0


class ApiService:
    """One worker's parts, wired. Raises TabularError without a verified model or an outbox that can be written."""

    def __init__(self, wiring: Wiring) -> None:
        settings = wiring.settings
        self.predictor = Predictor(wiring.bundles(), settings.run_id)
        relay = RelaySettings(
            folder=str(settings.state_dir / "outbox"),
            max_bytes=settings.outbox_max_bytes,
            sync=settings.outbox_sync,
            mongo_uri=settings.mongo_uri,
            mongo_database=settings.mongo_database,
        )
        self._store = wiring.predictions()
        self._is_store_reachable: bool | None = None
        self._stop = threading.Event()
        self.outbox = relay.outbox()
        self.metrics = ApiMetrics(self.outbox)
        self.metrics.model(self.predictor.model)
        self._relay = RelaySupervisor(relay)
        self._follow = self.predictor.follower(settings.model_refresh_seconds, self._show)
        self._ping = BackgroundTask("ping", self._ping_store, PING_STORE_SECONDS)
        self.tasks = (self._relay.task, self._follow, self._ping)

    def start(self) -> None:
        """Relay the outbox, follow the champion and ping the store, in the background."""
        threading.Thread(name="relay", target=self._relay.run, args=(self._stop,), daemon=True).start()
        self._follow.start(self._stop)
        self._ping.start(self._stop)

    def stop(self) -> None:
        """Stop the background threads."""
        self._stop.set()

    def readiness(self) -> dict[str, Any]:
        """What is served and how the outbox stands; raises Unavailable if predictions cannot be written."""
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
            # For information: an API whose store is down still serves.
            "store": {"reachable": self._is_store_reachable},
            # What fails in the background is named by its kind alone: this page needs no key.
            "background": {task.name: {"failures": task.failures, "failing": task.failing} for task in self.tasks},
            "champion_checked_seconds_ago": round(self._follow.worked_seconds_ago, 1),
        }

    def _show(self, _: BackgroundTask) -> None:
        self.metrics.model(self.predictor.model)
        self.metrics.background(self.tasks)

    def _ping_store(self) -> None:
        try:
            self._store.ping()
            self._is_store_reachable = True
        except Unavailable:
            self._is_store_reachable = False
