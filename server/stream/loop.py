"""The consumer's loop over its ports: read, score, store, publish, and only then move the checkpoint.

The store comes before the results stream, so that nobody sees a result that is not stored. The checkpoint comes
last, so that a crash anywhere repeats the batch: the store keeps one copy, because ids are made from the records; the
two streams may then carry a result twice, with the same prediction id. A batch of which another consumer has acquired a
shard meanwhile is left to it: before its results if that is known by then, at the checkpoint at the latest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.scoring.model import Model
from server.stream.batch import Outcome, RejectedRecord, dead_letters, predict, results
from server.stream.batch_loop import BatchLoop, Checkpointer, Step
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import Batch, ShardReader
from tabular.errors import Rejected
from tabular.ports.predictions import PredictionWriter
from tabular.ports.streams import StreamWriter


@dataclass(frozen=True)
class Sinks:
    """Where a batch goes."""

    store: PredictionWriter
    results: StreamWriter
    dead_letters: StreamWriter


class StreamLoop(BatchLoop):
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
        super().__init__(reader, checkpointer, metrics, batch_records)
        self._model = model
        self._sinks = sinks
        self._metrics = metrics

    def steps(self, batch: Batch) -> tuple[list[Step], Callable[[], None]]:
        """Score, and then store, publish the results, and put the dead letters."""
        model = self._model()
        outcome = predict(model, batch.records)
        steps: list[Step] = [
            ("store", lambda: self._store(outcome)),
            ("results", lambda: self._publish(batch, outcome)),
            ("dead letters", lambda: self._sinks.dead_letters.put(dead_letters(outcome.rejected))),
        ]
        return steps, lambda: self._count(model, outcome)

    def idle(self) -> None:
        """Nothing waits between two batches."""

    def _count(self, model: Model, outcome: Outcome) -> None:
        self._metrics.records.labels("served").inc(len(outcome.predictions))
        self._metrics.records.labels("dead_letter").inc(len(outcome.rejected))
        self._metrics.base64.inc(outcome.base64)
        self._metrics.model(model.table, model.run_id)

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
        self.require_held(batch)
        self._sinks.results.put(results(outcome))
