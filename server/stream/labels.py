"""The records of the labels stream: each is a label as `POST /labels` takes one, or a dead letter.

A label is known as received when its record came into the stream, so that a replay brings the same label again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from server.decoding.record import OtherContent, explained
from server.stream.batch import RejectedRecord, dead_letters, json_in_base64
from server.stream.batch_loop import BatchLoop, Checkpointer, Step
from server.stream.label_metrics import LabelMetrics
from server.stream.shard_reader import Batch, ShardReader
from tabular.data.sniffing import without_mark
from tabular.encoding.row import NotJson, parse_json
from tabular.errors import Rejected, TabularError
from tabular.labels.intake import LabelIntake
from tabular.labels.reading import LabelReader
from tabular.ports.streams import StreamRecord, StreamWriter
from tabular.predictions.label import Label

log = logging.getLogger(__name__)

WAITING_SECONDS = 5.0
"""How often labels whose prediction had not come are tried again."""


@dataclass
class ReadLabels:
    """What became of a batch: `records` and `labels` go in pairs; `blank` counts those with no outcome yet."""

    records: list[StreamRecord] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    blank: int = 0


def read_labels(reader: LabelReader, records: Sequence[StreamRecord]) -> ReadLabels:
    """Read the records, each by itself; one that is no label never keeps the others back."""
    found = ReadLabels()
    for record in records:
        try:
            label = _read(reader, record)
        except Rejected as error:
            found.rejected.append(RejectedRecord(record, error.detached()))
            continue
        except Exception as error:  # no record, whatever is in it, may stop the stream
            log.exception("shard %s, record %s broke the reading of labels", record.shard, record.sequence_number)
            why = f"the record broke the reading of labels: {type(error).__name__}: {error}"
            found.rejected.append(RejectedRecord(record, Rejected(why)))
            continue
        if label is None:
            found.blank += 1
        else:
            found.records.append(record)
            found.labels.append(label)
    return found


class LabelLoop(BatchLoop):
    """Moves one stream's labels into the store, batch by batch."""

    def __init__(
        self,
        reader: ShardReader,
        checkpointer: Checkpointer,
        labels: LabelReader,
        intake: LabelIntake,
        letters: StreamWriter,
        metrics: LabelMetrics,
        batch_records: int,
    ) -> None:
        super().__init__(reader, checkpointer, metrics, batch_records)
        self._labels, self._intake, self._letters, self._metrics = labels, intake, letters, metrics
        self._next_waiting_seconds = 0.0

    def steps(self, batch: Batch) -> tuple[list[Step], Callable[[], None]]:
        """Attach the labels, and then put the dead letters."""
        found = read_labels(self._labels, batch.records)
        steps: list[Step] = [
            ("store", lambda: self._store(batch, found)),
            ("dead letters", lambda: self._letters.put(dead_letters(found.rejected))),
        ]
        return steps, lambda: self._count(found)

    def idle(self) -> None:
        """Try what waits for its prediction, and enter what arrived into the ledger, if it is time to."""
        if time.monotonic() < self._next_waiting_seconds:
            return
        self._next_waiting_seconds = time.monotonic() + WAITING_SECONDS
        try:
            self._intake.attach_waiting()
            self._intake.enter()
        except TabularError as error:
            log.warning("labels that wait are tried again in %g s: %s", WAITING_SECONDS, error)

    def _store(self, batch: Batch, found: ReadLabels) -> None:
        self.require_held(batch)
        if not found.labels:
            return
        try:
            self._metrics.became(self._intake.save(found.labels))
        except Rejected:
            self._store_one_by_one(found)

    def _store_one_by_one(self, found: ReadLabels) -> None:
        """Find the labels that the store rejects: their records become dead letters, the others go on."""
        for record, label in list(zip(found.records, found.labels, strict=True)):
            try:
                self._metrics.became(self._intake.save([label]))
            except Rejected as error:
                found.records.remove(record)
                found.labels.remove(label)
                found.rejected.append(RejectedRecord(record, error.detached()))

    def _count(self, found: ReadLabels) -> None:
        self._metrics.records.labels("accepted").inc(len(found.labels))
        self._metrics.records.labels("blank").inc(found.blank)
        self._metrics.records.labels("dead_letter").inc(len(found.rejected))


def _read(reader: LabelReader, record: StreamRecord) -> Label | None:
    try:
        decoded = parse_json(without_mark(record.data))
    except NotJson as error:
        found = explained(record.data, error)
        data = json_in_base64(record.data) if isinstance(found, OtherContent) else None
        if data is None:
            raise found from error
        decoded = parse_json(without_mark(data))
    return reader.read(decoded, record.arrived_at)
