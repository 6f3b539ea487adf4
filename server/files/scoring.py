"""The use case: a file of rows in, a file of scores out, by the model and the code that score requests.

Rows that are faulty go to a file of faults and stop nothing. The work is done in parts (parts.py), several at a time,
and nothing is published before all are done.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from server.files.output import format_of
from server.files.parts import Job, Part, Parts, open_parts
from server.files.reading import READER, Reading
from server.files.summary import Summary, publish
from server.files.table import RowIds, score_table
from server.scoring.model import Model
from tabular.batches.row_batches import RowBatch
from tabular.errors import Rejected
from tabular.ports.predictions import PredictionWriter
from tabular.predictions.batch import PredictionBatch

STORED_AT_ONCE = 5_000
"""Predictions that are put into the store in one call."""


@dataclass(frozen=True)
class FileScorer:
    """Scores files with one model. With a `store`, every scored row is also stored as a prediction.

    `on_part` is called after each part with the rows dealt with so far; `workers` parts are scored at a time.
    """

    model: Model
    store: PredictionWriter | None = None
    on_part: Callable[[int], object] = lambda _: None
    workers: int = len(os.sched_getaffinity(0))

    def score(self, file: Path, out: Path) -> Summary:
        """Score a file into another, which is replaced at the end.

        Raises InvalidTable for a file that is none of the contract's tables, Rejected for what stands in the way,
        Unavailable while the store is down, and OSError. What is done by then is kept for the next try.
        """
        began, before = time.monotonic(), file.stat()
        kind = format_of(out)
        job = Job(
            file_sha256=_sha256(file),
            run_id=self.model.run_id,
            bundle=self.model.bundle.digest,
            format=kind,
            store=self.store is not None,
            reader=READER,
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        with open_parts(out, job) as parts:
            reading = Reading(self.model, file, parts.plain_copy)
            done, resumed = self._parts(reading, parts, job.file_sha256)
            after = file.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Rejected(f"{file} was changed while it was scored: nothing is published. Score it again")
            summary = Summary(
                file=str(file),
                file_sha256=job.file_sha256,
                table=self.model.table,
                run_id=self.model.run_id,
                bundle=self.model.bundle.digest,
                scored=sum(part.scored for part in done),
                faulty=sum(part.faulty for part in done),
                faults=sum(part.faults for part in done),
                warned=sum(part.warned for part in done),
                stored=None if self.store is None else sum(part.stored for part in done),
                resumed=resumed,
                seconds=time.monotonic() - began,
                ended_at=datetime.now(UTC),
                out=str(out),
            )
            publish(summary, parts, len(done), reading.schema(with_ids=self.store is not None))
            parts.remove()
        return summary

    def _parts(self, reading: Reading, parts: Parts, sha256: str) -> tuple[list[Part], int]:
        """Every part in order, and how many rows of them had been dealt with before."""
        done: list[Part] = []
        pending: deque[Future[Part]] = deque()
        resumed = 0

        def settle(most: int) -> None:
            while len(pending) > most:
                done.append(pending.popleft().result())
                self.on_part(sum(part.scored + part.faulty for part in done))

        with ThreadPoolExecutor(self.workers, thread_name_prefix="score") as pool:
            for number, batch in enumerate(reading.batches()):
                settle(self.workers)
                known = parts.done(number)
                if known is None:
                    pending.append(pool.submit(self._part, reading, parts, number, batch, sha256))
                    continue
                settle(0)
                resumed += known.scored + known.faulty
                done.append(known)
            settle(0)
        return done, resumed

    def _part(self, reading: Reading, parts: Parts, number: int, batch: RowBatch, sha256: str) -> Part:
        coded = reading.codec.encode(batch)
        ids = RowIds(sha256, self.model.run_id, coded.numbers)
        scored = self.model.many(coded.columns, ids, "batch") if len(coded.numbers) else None
        stored = self._save(scored) if scored is not None and self.store is not None else 0
        part = Part(
            scored=len(coded.numbers),
            faulty=len({fault.row for fault in coded.faults}),
            faults=len(coded.faults),
            warned=len(scored.warnings) if scored is not None else 0,
            stored=stored,
        )
        schema = reading.schema(with_ids=self.store is not None)
        table = schema.empty_table() if scored is None else score_table(schema, scored, coded, batch)
        return parts.write(number, table, list(coded.faults), part)

    def _save(self, scored: PredictionBatch) -> int:
        predictions = iter(scored)
        saved = 0
        while several := list(islice(predictions, STORED_AT_ONCE)):
            saved += self.store.save(several) if self.store is not None else 0
        return saved


def _sha256(file: Path) -> str:
    with file.open("rb") as body:
        return hashlib.file_digest(body, "sha256").hexdigest()
