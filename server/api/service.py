"""What stands behind the API's routes: the model, the outbox, the metrics, and the threads that refresh them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from server.api.metrics import ApiMetrics
from server.api.tables import ServedTable, served_tables
from server.outbox.relay_process import RelaySettings
from server.outbox.storage import LocalStorage, Storage, StoreStorage
from server.scoring.predictor import loaded
from tabular.process.background import BackgroundTask
from tabular.wiring import Wiring

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
        self._stop = threading.Event()
        self._showing = threading.Lock()
        self._storage = _storage(wiring, wirings)
        self.outbox = self._storage.outbox
        self.metrics = ApiMetrics(self.outbox, self.paths)
        self._show_models()
        self._follow = [self._follower(table, settings.model_refresh_seconds) for table in self.tables.values()]
        self.tasks = (*self._storage.tasks, *self._follow)

    @property
    def first(self) -> ServedTable:
        """The table of `/predict`."""
        return next(iter(self.tables.values()))

    def start(self) -> None:
        """Follow the champions, and do what the outbox needs, in the background."""
        self._storage.start(self._stop)
        for follow in self._follow:
            follow.start(self._stop)

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
            "store": self._storage.state(),
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


def _storage(wiring: Wiring, wirings: Sequence[Wiring]) -> Storage:
    """Where predictions stay, of all tables; raises Unavailable without a usable outbox."""
    settings = wiring.settings
    relay = RelaySettings(
        folder=str(settings.state_dir / "outbox"),
        max_bytes=settings.outbox_max_bytes,
        sync=settings.outbox_sync,
        mongo_uri=settings.mongo_uri,
        mongo_database=settings.mongo_database,
        label_window_days={one.contract.table.name: one.contract.table.label_window_days for one in wirings},
    )
    if settings.prediction_store == "mongo":
        return StoreStorage(relay, wiring.predictions().ping)
    return LocalStorage(settings.prediction_store, relay)
