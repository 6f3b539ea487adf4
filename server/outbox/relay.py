"""Moves the outbox into the store, in bulk. What runs it, once: server/outbox/relay_process.py."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence

import msgspec

from server.outbox.label_relay import LabelRelay
from server.outbox.queue import Outbox
from server.outbox.rejections import Rejections, save_all
from server.outbox.sqlite_file import Entry
from tabular.errors import Unavailable
from tabular.ports.predictions import PredictionWriter
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.label import Label, LabelBatch
from tabular.predictions.prediction import Prediction
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

BULK_PREDICTIONS = 500
IDLE_SECONDS = 0.05  # few and often: a long burst of the store and of this is what a request at that moment waits for
CHECKPOINT_LOG_SECONDS = 0.5
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 15.0

_DECODER = msgspec.json.Decoder(list[Prediction] | PredictionBatch | LabelBatch)

"""What can never be stored: the reason, and the document."""


class Relay:
    """Saves the oldest entries and deletes them once the store has acknowledged them.

    A kill between the two sends an entry twice, and the store keeps the first: ids are the predictions' own, and a
    label that came before changes nothing.
    """

    def __init__(self, outbox: Outbox, store: PredictionWriter, labels: LabelRelay) -> None:
        self._outbox = outbox
        self._store = store
        self._labels = labels
        self._backoff_seconds = 0.0

    def run(self, stop: threading.Event) -> None:
        """Relay until stopped, and keep the outbox's log short meanwhile, whatever the store does."""
        checkpoints = BackgroundTask("checkpoint_log", self._outbox.checkpoint_log, CHECKPOINT_LOG_SECONDS).start(stop)
        while not stop.wait(self.step()):
            pass
        checkpoints.join()

    def step(self) -> float:
        """Move one bulk; returns how many seconds to rest before the next."""
        try:
            entries = self._outbox.oldest(BULK_PREDICTIONS)
            if entries:
                self._outbox.acknowledge(entries, self._save(entries))
            is_store_up = self._labels.turn() or bool(entries)
        except Unavailable as error:
            return self._back_off(error)
        except Exception:
            # This thread is the only way out of the outbox: whatever a vendor throws, it must live to try again.
            log.exception("relaying the outbox failed in an unforeseen way")
            return LONGEST_BACKOFF_SECONDS
        if is_store_up and self._backoff_seconds:
            log.info("the store is available again; relaying goes on")
            self._backoff_seconds = 0.0
        is_full = sum(entry.predictions for entry in entries) >= BULK_PREDICTIONS
        return 0.0 if is_full else IDLE_SECONDS

    def _save(self, entries: Sequence[Entry]) -> Rejections:
        """Save what the entries hold; returns what can never be stored, each with the reason."""
        predictions, labels, rejected = list[Prediction](), list[Label](), Rejections()
        for entry in entries:
            if not entry.is_whole:
                rejected.append(("the entry was damaged on disk: its checksum differs", entry.body))
                continue
            try:
                group = _DECODER.decode(entry.body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                rejected.append((f"the entry cannot be read: {error}", entry.body))
                continue
            if isinstance(group, LabelBatch):
                labels += group.labels
            else:
                predictions += group
        # Predictions first: a label that came after its prediction then finds it.
        rejected += save_all(self._store.save, predictions) + self._labels.save(labels)
        for reason, _ in rejected:
            log.error("the store rejects a document; it is kept in the outbox's table `rejected`: %s", reason)
        return rejected

    def _back_off(self, error: Unavailable) -> float:
        if not self._backoff_seconds:
            log.warning("%s; predictions and labels wait in the outbox", error)
        doubled = max(self._backoff_seconds * 2, FIRST_BACKOFF_SECONDS, error.retry_after_seconds)
        self._backoff_seconds = min(doubled, LONGEST_BACKOFF_SECONDS)
        return self._backoff_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
