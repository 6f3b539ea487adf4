"""Where the API's predictions and labels stay, by the setting PREDICTION_STORE.

mongo   the outbox is relayed to the prediction store
file    the outbox is where they stay, until it is full; a later start with a store relays them
none    nothing is kept but responses by their Idempotency-Key; labels are rejected
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from server.outbox.idempotency import KeptResponse
from server.outbox.queue import Outbox
from server.outbox.relay import CHECKPOINT_LOG_SECONDS
from server.outbox.relay_process import RelaySettings, RelaySupervisor
from tabular.errors import Rejected, Unavailable
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.label import LabelBatch
from tabular.predictions.prediction import Prediction
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

Kind = Literal["mongo", "file", "none"]
PING_STORE_SECONDS = 5.0
_WARNINGS = {
    "file": "PREDICTION_STORE=file: predictions and labels stay in %s alone. They go when that folder goes, as it does "
    "with a container unless it is a volume, and at OUTBOX_MAX_BYTES=%d requests get 503. To keep them in a store, set "
    "MONGO_URI and leave PREDICTION_STORE out; those of this folder are then stored, too",
    "none": "PREDICTION_STORE=none: predictions are not kept, and labels are rejected. In %s are responses by their "
    "Idempotency-Key alone, within OUTBOX_MAX_BYTES=%d. To keep predictions, set MONGO_URI and leave PREDICTION_STORE "
    "out",
}


class Storage(Protocol):
    """What the API needs of it: the outbox to write into, what runs in the background, and what `/health` shows."""

    outbox: Outbox
    tasks: tuple[BackgroundTask, ...]

    def start(self, stop: threading.Event) -> None:
        """Begin what runs in the background."""

    def state(self) -> dict[str, Any]:
        """The kind of storage, and whether its store responds; None if that is not known, or there is none."""


class StoreStorage:
    """The outbox is relayed to the prediction store, by one process for all workers; `ping` asks the store.

    Raises Unavailable without a usable outbox.
    """

    def __init__(self, settings: RelaySettings, ping: Callable[[], None]) -> None:
        self.outbox = settings.outbox()
        self._ping_once = ping
        self._is_reachable: bool | None = None
        self._relay = RelaySupervisor(settings)
        self._ping = BackgroundTask("ping", self._ping_store, PING_STORE_SECONDS)
        self.tasks: tuple[BackgroundTask, ...] = (self._relay.task, self._ping)

    def start(self, stop: threading.Event) -> None:
        threading.Thread(name="relay", target=self._relay.run, args=(stop,), daemon=True).start()
        self._ping.start(stop)

    def state(self) -> dict[str, Any]:
        return {"kind": "mongo", "reachable": self._is_reachable}

    def _ping_store(self) -> None:
        try:
            self._ping_once()
            self._is_reachable = True
        except Unavailable:
            self._is_reachable = False


class LocalStorage:
    """Nothing leaves this machine: predictions stay in the outbox, or nowhere, as `kind` says. Raises Unavailable."""

    def __init__(self, kind: Literal["file", "none"], settings: RelaySettings) -> None:
        self.outbox = settings.outbox() if kind == "file" else ResponsesOnly.of(settings)
        self._kind = kind
        self._checkpoints = BackgroundTask("checkpoint_log", self.outbox.checkpoint_log, CHECKPOINT_LOG_SECONDS)
        self.tasks: tuple[BackgroundTask, ...] = (self._checkpoints,)
        log.warning(_WARNINGS[kind], settings.folder, settings.max_bytes)

    def start(self, stop: threading.Event) -> None:
        self._checkpoints.start(stop)

    def state(self) -> dict[str, Any]:
        return {"kind": self._kind, "reachable": None}


class ResponsesOnly(Outbox):
    """An outbox that lets predictions go, and keeps responses by their key: a retry gets the one that was given."""

    @classmethod
    def of(cls, settings: RelaySettings) -> ResponsesOnly:
        """As the settings have it; raises Unavailable."""
        return cls(Path(settings.folder), settings.max_bytes, settings.sync)

    def append(self, *groups: Sequence[Prediction] | PredictionBatch | LabelBatch) -> None:
        """Let predictions go; raises Rejected for labels."""
        _reject_labels(groups)

    def append_keyed(
        self,
        predictions: Sequence[Prediction],  # noqa: ARG002 - let go
        given: Sequence[KeptResponse],
    ) -> Mapping[str, KeptResponse]:
        return super().append_keyed([], given)

    def append_batch(self, batches: Sequence[PredictionBatch | LabelBatch], kept: KeptResponse) -> KeptResponse:
        _reject_labels(batches)
        return super().append_batch([], kept)


def _reject_labels(groups: Sequence[object]) -> None:
    if any(isinstance(group, LabelBatch) for group in groups):
        raise Rejected(
            "this API keeps neither predictions nor labels (PREDICTION_STORE=none), so that a label has nothing to "
            "belong to: start it with MONGO_URI, or with PREDICTION_STORE=file"
        )
