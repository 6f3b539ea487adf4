"""The consumer's loop over its ports: read, score, store, publish, and only then move the checkpoint.

The store comes before the results stream, so that nobody sees a result that is not stored. The checkpoint comes
last, so that a crash anywhere repeats the batch: the store keeps one copy, because ids are made from the records; the
two streams may then carry a result twice, with the same prediction id. A batch of which another consumer has acquired a
shard meanwhile is left to it: before its results if that is known by then, at the checkpoint at the latest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from server.scoring.model import Model
from server.stream.batch import Outcome, RejectedRecord, dead_letters, predict, results
from server.stream.leases import LeaseSummary, NameTaken
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import Batch, Position, ShardReader
from tabular.errors import Rejected, TabularError, Unavailable
from tabular.ports.predictions import PredictionWriter
from tabular.ports.streams import StreamWriter

log = logging.getLogger(__name__)

REST_AFTER_FAILURE_SECONDS = 2.0


@dataclass(frozen=True)
class Sinks:
    """Where a batch goes."""

    store: PredictionWriter
    results: StreamWriter
    dead_letters: StreamWriter


class LeaseLost(Exception):
    """Another consumer has a shard of this batch now."""


class Checkpointer(Protocol):
    """Whose the shards are, and how far each is processed; raises Unavailable, or NameTaken to end the consumer."""

    def summary(self) -> LeaseSummary:
        """How the shards are distributed."""

    def are_held(self, shards: Collection[str]) -> bool:
        """True if all of these are still this consumer's."""

    def save(self, positions: Mapping[str, Position]) -> list[str]:
        """Save positions, each only if its shard is still held; returns the shards that were lost instead."""


class StreamLoop:
    """Moves one stream's records through the model and into the sinks, batch by batch."""

    def __init__(
        self,
        reader: ShardReader,
        checkpointer: Checkpointer,
        model: Callable[[], Model],
        sinks: Sinks,
        metrics: StreamMetrics,
        batch_records: int,
    ) -> None:
        self._reader = reader
        self._checkpointer = checkpointer
        self._model = model
        self._sinks = sinks
        self._metrics = metrics
        self._batch_records = batch_records

    def run(self, poll_seconds: float, stop: threading.Event) -> None:
        """Go on until stopped; a batch that has begun is finished unless a sink is down. Raises NameTaken."""
        while not stop.is_set():
            if not self._turn(stop):
                stop.wait(poll_seconds)

    def _turn(self, stop: threading.Event) -> bool:
        """Process one batch, and let go of it; True if there is more to read at once."""
        batch = self._poll(stop)
        if batch.positions:
            self._finish(batch, stop)
        is_behind = any(self._reader.lag_milliseconds().values())
        return len(batch.records) >= self._batch_records or (bool(batch.records) and is_behind)

    def _poll(self, stop: threading.Event) -> Batch:
        batch = Batch()
        try:
            batch = self._reader.poll(self._batch_records)
        except NameTaken:
            raise
        except TabularError as error:
            self._rest("read", error, stop)
        self._metrics.lag(self._reader.lag_milliseconds())
        self._metrics.leases(self._checkpointer.summary())
        return batch

    def _finish(self, batch: Batch, stop: threading.Event) -> None:
        started = time.perf_counter()
        model = self._model()
        outcome = predict(model, batch.records)
        try:
            done = (
                self._until_done("store", lambda: self._store(outcome), stop)
                and self._until_done("results", lambda: self._publish(batch, outcome), stop)
                and self._until_done("dead letters", lambda: self._sinks.dead_letters.put(dead_letters(outcome)), stop)
                and self._until_done("checkpoint", lambda: self._checkpoint(batch), stop)
            )
        except LeaseLost as lost:
            log.warning("leaving a batch of %d records to another consumer: %s", len(batch.records), lost)
            self._reader.forget(batch.positions)
            return
        if not done:
            log.warning("stopping with %d records not processed: the next start reads them again", len(batch.records))
            return
        self._metrics.batch_seconds.observe(time.perf_counter() - started)
        self._metrics.records.labels("served").inc(len(outcome.predictions))
        self._metrics.records.labels("dead_letter").inc(len(outcome.rejected))
        self._metrics.base64.inc(outcome.base64)
        self._metrics.model(model.table, model.run_id)
        self._metrics.checkpointed()

    def _until_done(self, step: str, work: Callable[[], None], stop: threading.Event) -> bool:
        """Try until it works; False if it did not before the stop. Nothing is ever dropped for a sink's sake."""
        while True:
            try:
                work()
                return True
            except NameTaken:
                raise
            except TabularError as error:
                self._rest(step, error, stop)
            if stop.is_set():
                return False

    def _rest(self, step: str, error: TabularError, stop: threading.Event) -> None:
        seconds = error.retry_after_seconds if isinstance(error, Unavailable) else REST_AFTER_FAILURE_SECONDS
        log.warning("%s: %s; trying again in %g s", step, error, seconds)
        self._metrics.failures.labels(step).inc()
        stop.wait(seconds)

    def _store(self, outcome: Outcome) -> None:
        if not outcome.predictions:
            return
        try:
            self._sinks.store.save(outcome.predictions)
        except Rejected:
            self._store_one_by_one(outcome)

    def _store_one_by_one(self, outcome: Outcome) -> None:
        """Find the predictions that the store rejects: their records become dead letters, the others go on."""
        for record, prediction in list(zip(outcome.records, outcome.predictions, strict=True)):
            try:
                self._sinks.store.save([prediction])
            except Rejected as error:
                outcome.records.remove(record)
                outcome.predictions.remove(prediction)
                outcome.rejected.append(RejectedRecord(record, error.detached()))

    def _publish(self, batch: Batch, outcome: Outcome) -> None:
        if not self._checkpointer.are_held(batch.positions):
            raise LeaseLost("its shards were acquired by another consumer while it was being processed")
        self._sinks.results.put(results(outcome))

    def _checkpoint(self, batch: Batch) -> None:
        if lost := self._checkpointer.save(batch.positions):
            raise LeaseLost(f"{', '.join(lost)} can no longer be checkpointed here")
