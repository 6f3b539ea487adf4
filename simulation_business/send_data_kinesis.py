"""Put rows of the table on the predictions stream, read what comes back, and later put their outcomes on `labels`.

python -m simulation_business.send_data_kinesis --rate 5
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from simulation_business.responses import Outstanding, Put, Tail
from simulation_business.rows import Row
from simulation_business.sending import BY_KEY, REST_SECONDS, Job, run
from tabular.errors import Unavailable
from tabular.ports.streams import Keyed, StreamRecord, StreamWriter
from tabular.wiring import Wiring

MAX_BATCH_RECORDS = 500
POLL_SECONDS = 0.5
LAST_RESPONSE_SECONDS = 15.0
"""How long after the last row its response is waited for, where the rows are counted."""


def main() -> int:
    """Send until told to stop, or until the count is reached."""
    return run(_describe, _send, BY_KEY)


def _describe(parser: argparse.ArgumentParser, wiring: Wiring) -> None:
    parser.description = (
        "Put rows of the table on a Kinesis stream. `served` counts the results that came back, `failed` the dead "
        "letters; of rows whose place nobody reads neither comes."
    )
    parser.add_argument(
        "--stream",
        default=wiring.settings.stream_predictions,
        help="the stream's name, of a further table with -<name> behind",
    )


def _send(arguments: argparse.Namespace, wiring: Wiring, job: Job) -> None:
    settings = wiring.settings
    results, letters = (wiring.stream_name(name) for name in (settings.stream_results, settings.stream_dead_letters))
    business = StreamBusiness(
        job,
        wiring.stream(wiring.stream_name(arguments.stream)),
        wiring.stream(wiring.stream_name(settings.stream_labels)),
        (Tail(wiring.shards(results)), Tail(wiring.shards(letters))),
    )
    business.listen()  # before anything is put, or its response would be older
    for rows in job.batches(at_most=MAX_BATCH_RECORDS):
        business.deliver(rows)
        business.listen()
        business.tell()
    business.end()


class StreamBusiness:
    """One table's rows on the stream: put, heard of, and their outcomes told."""

    def __init__(self, job: Job, rows: StreamWriter, labels: StreamWriter, tails: tuple[Tail, Tail]) -> None:
        self._job, self._rows, self._labels = job, rows, labels
        self._results, self._letters = tails
        self._outstanding = Outstanding()
        self._listen_at_seconds = 0.0

    def deliver(self, rows: list[Row]) -> None:
        """Put the rows, and again while the stream is away; the stream has no keys to tell a repeat by."""
        # A random partition key spreads the rows over all shards, and names the response.
        keyed = {uuid.uuid4().hex: row for row in rows}
        records = [(key, msgspec.json.encode(self._job.outcomes.request(row))) for key, row in keyed.items()]
        for key, row in keyed.items():
            self._outstanding.add(key, Put(row, datetime.now(UTC)))
        if not self._put(self._rows, records):
            self._job.progress.failed += len(rows)

    def listen(self) -> None:
        """Read the results and dead letters that have come, if it is time to."""
        if time.monotonic() < self._listen_at_seconds:
            return
        self._listen_at_seconds = time.monotonic() + POLL_SECONDS
        try:
            self._take(self._results, self._served)
            self._take(self._letters, self._rejected)
        except Unavailable as error:
            self._job.progress.last = f"no results: {error}"

    def tell(self) -> None:
        """Put the outcomes that are due, those of one key or prediction on one shard."""
        for labels in self._job.due_labels():
            records = [(str(next(iter(label.values()))), msgspec.json.encode(label)) for label in labels]
            if self._put(self._labels, records):
                self._job.progress.labels += len(labels)

    def end(self) -> None:
        """Wait for the last responses, as long as that makes sense, and tell every outcome."""
        until_seconds = time.monotonic() + LAST_RESPONSE_SECONDS
        while len(self._outstanding) and time.monotonic() < until_seconds and not self._job.stop.wait(REST_SECONDS):
            self.listen()
            self.tell()
        for _ in self._job.until_told():
            self.tell()

    def _put(self, stream: StreamWriter, records: list[Keyed]) -> bool:
        for _ in self._job.tries():
            try:
                stream.put(records)
            except Unavailable as error:
                self._job.progress.last = f"trying again: {error}"
                continue
            return True
        return False

    def _take(self, tail: Tail, take: Callable[[Put, dict[str, Any]], None]) -> None:
        for record in tail.poll():
            said = msgspec.json.decode(record.data)
            if (put := self._outstanding.take(said["partition_key"])) is not None:
                self._job.progress.seconds.append(_seconds_between(put, record))
                take(put, said)

    def _served(self, put: Put, said: dict[str, Any]) -> None:
        self._job.progress.served += 1
        key = self._job.contract.reply.prediction_key
        self._job.progress.last = f"{key} {said[key]:.4g}" if isinstance(said[key], float) else f"{key} {said[key]}"
        self._job.outcomes.predicted(put.row, said["prediction_id"], time.monotonic())

    def _rejected(self, _: Put, said: dict[str, Any]) -> None:
        self._job.progress.failed += 1
        self._job.progress.last = f"dead letter: {said['reason']}"


def _seconds_between(put: Put, record: StreamRecord) -> float:
    return max(0.0, (record.arrived_at - put.at).total_seconds())


if __name__ == "__main__":
    sys.exit(main())
