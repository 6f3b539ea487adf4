"""What both loops of the consumer share: read a batch, do its work until it is done, and only then checkpoint."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from prometheus_client import Counter, Histogram

from server.stream.leases import LeaseSummary, NameTaken
from server.stream.shard_reader import Batch, Position, ShardReader
from tabular.errors import TabularError, Unavailable

log = logging.getLogger(__name__)

REST_AFTER_FAILURE_SECONDS = 2.0


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


class LoopMetrics(Protocol):
    """What a loop tells of its stream."""

    failures: Counter
    batch_seconds: Histogram

    def lag(self, milliseconds: dict[str, int]) -> None:
        """Show the lag of each shard that is read."""

    def leases(self, summary: LeaseSummary) -> None:
        """Show how the shards are distributed."""

    def checkpointed(self) -> None:
        """A checkpoint was saved just now."""


Step = tuple[str, Callable[[], None]]
"""A part of a batch's work by name, which may be done again if it fails."""


class BatchLoop(ABC):
    """Moves one stream's records through `steps`, batch by batch."""

    def __init__(
        self, reader: ShardReader, checkpointer: Checkpointer, metrics: LoopMetrics, batch_records: int
    ) -> None:
        self._reader = reader
        self._checkpointer = checkpointer
        self._shown = metrics
        self._batch_records = batch_records

    @abstractmethod
    def steps(self, batch: Batch) -> tuple[list[Step], Callable[[], None]]:
        """The work on a batch, in order, and what counts it once it is checkpointed."""

    @abstractmethod
    def idle(self) -> None:
        """What is done between two batches; raises nothing."""

    def run(self, poll_seconds: float, stop: threading.Event) -> None:
        """Go on until stopped; a batch that has begun is finished unless a sink is down. Raises NameTaken."""
        while not stop.is_set():
            if not self._turn(stop):
                stop.wait(poll_seconds)

    def require_held(self, batch: Batch) -> None:
        """Raises LeaseLost if a shard of the batch is another's by now."""
        if not self._checkpointer.are_held(batch.positions):
            raise LeaseLost("its shards were acquired by another consumer while it was being processed")

    def _turn(self, stop: threading.Event) -> bool:
        """Process one batch, and let go of it; True if there is more to read at once."""
        batch = self._poll(stop)
        if batch.positions:
            self._finish(batch, stop)
        self.idle()
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
        self._shown.lag(self._reader.lag_milliseconds())
        self._shown.leases(self._checkpointer.summary())
        return batch

    def _finish(self, batch: Batch, stop: threading.Event) -> None:
        started = time.perf_counter()
        steps, count = self.steps(batch)
        steps = [*steps, ("checkpoint", lambda: self._checkpoint(batch))]
        try:
            is_done = all(self._until_done(step, work, stop) for step, work in steps)
        except LeaseLost as lost:
            log.warning("leaving a batch of %d records to another consumer: %s", len(batch.records), lost)
            self._reader.forget(batch.positions)
            return
        if not is_done:
            log.warning("stopping with %d records not processed: the next start reads them again", len(batch.records))
            return
        self._shown.batch_seconds.observe(time.perf_counter() - started)
        count()
        self._shown.checkpointed()

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
        self._shown.failures.labels(step).inc()
        stop.wait(seconds)

    def _checkpoint(self, batch: Batch) -> None:
        if lost := self._checkpointer.save(batch.positions):
            raise LeaseLost(f"{', '.join(lost)} can no longer be checkpointed here")
