"""What stands behind the API's routes: the model, the outbox, the metrics, and the threads that refresh them."""

from __future__ import annotations

import threading
from typing import Any

from server.api.metrics import ApiMetrics
from server.api.tables import ServedTable, served_tables
from server.outbox.relay_process import RelaySettings, RelaySupervisor
from server.scoring.predictor import loaded
from tabular.errors import Unavailable
from tabular.process.background import BackgroundTask
from tabular.wiring import Wiring

PING_STORE_SECONDS = 5.0
_NOTHING_SERVED = dict.fromkeys(("model_run_id", "bundle", "trained_on_synthetic_data", "contract"))


class ApiService:
    """One worker's parts, wired: the tables, of which one has a verified model at least, and what they share.

    Raises TabularError without such a table, for a pinned run that cannot be served, or without a usable outbox.
    """

    def __init__(self, wiring: Wiring) -> None:
        settings = wiring.settings
        wirings = wiring.for_tables()
        self.tables = served_tables(wirings, loaded(wirings))
        self.paths = {path: counted_as for table in self.tables.values() for path, counted_as in table.paths.items()}
        relay = RelaySettings(
            folder=str(settings.state_dir / "outbox"),
            max_bytes=settings.outbox_max_bytes,
            sync=settings.outbox_sync,
            mongo_uri=settings.mongo_uri,
            mongo_database=settings.mongo_database,
            label_window_days={one.contract.table.name: one.contract.table.label_window_days for one in wirings},
        )
        self._store = wiring.predictions()
        self._is_store_reachable: bool | None = None
        self._stop = threading.Event()
        self._showing = threading.Lock()
        self.outbox = relay.outbox()
        self.metrics = ApiMetrics(self.outbox, self.paths)
        self._show_models()
        self._relay = RelaySupervisor(relay)
        self._follow = [self._follower(table, settings.model_refresh_seconds) for table in self.tables.values()]
        self._ping = BackgroundTask("ping", self._ping_store, PING_STORE_SECONDS)
        self.tasks = (self._relay.task, *self._follow, self._ping)

    @property
    def first(self) -> ServedTable:
        """The table of `/predict`."""
        return next(iter(self.tables.values()))

    def start(self) -> None:
        """Relay the outbox, follow the champions and ping the store, in the background."""
        threading.Thread(name="relay", target=self._relay.run, args=(self._stop,), daemon=True).start()
        for follow in self._follow:
            follow.start(self._stop)
        self._ping.start(self._stop)

    def stop(self) -> None:
        """Stop the background threads."""
        self._stop.set()

    def readiness(self) -> dict[str, Any]:
        """What is served and how the outbox stands; raises Unavailable if predictions cannot be written.

        The worker is ready as long as one table is: what the first table serves is told beside `tables`, too.
        """
        tables = {table.name: table.state() for table in self.tables.values()}
        current = self.outbox.status().current
        return {
            **_NOTHING_SERVED,
            **tables[self.first.name],
            "status": "ready",
            "tables": tables,
            "outbox": {"predictions": current.depth, "oldest_age_seconds": round(current.oldest_age_seconds, 3)},
            # For information: an API whose store is down still serves.
            "store": {"reachable": self._is_store_reachable},
            # What fails in the background is named by its kind alone: this page needs no key.
            "background": {task.name: {"failures": task.failures, "failing": task.failing} for task in self.tasks},
            "champion_checked_seconds_ago": round(max(task.worked_seconds_ago for task in self._follow), 1),
        }

    def _follower(self, table: ServedTable, interval_seconds: float) -> BackgroundTask:
        name = "follow" if table is self.first else f"follow {table.name}"
        return table.predictor.follower(interval_seconds, self._show, name)

    def _show(self, _: BackgroundTask) -> None:
        with self._showing:  # each table's champion is followed by a thread of its own
            self._show_models()
            self.metrics.background(self.tasks)

    def _show_models(self) -> None:
        for table in self.tables.values():
            if not table.predictor.why_none:
                self.metrics.model(table.predictor.model)

    def _ping_store(self) -> None:
        try:
            self._store.ping()
            self._is_store_reachable = True
        except Unavailable:
            self._is_store_reachable = False
