"""Put rows of the table on the predictions stream: python -m simulation_business.send_data_kinesis --rate 5."""

from __future__ import annotations

import argparse
import sys
import uuid

import msgspec

from simulation_business.sending import Job, run
from tabular.errors import Unavailable
from tabular.ports.streams import Keyed, StreamWriter
from tabular.wiring import Wiring

MAX_BATCH_RECORDS = 500


def main() -> int:
    """Send until told to stop, or until the count is reached."""
    return run(_describe, _send)


def _describe(parser: argparse.ArgumentParser, wiring: Wiring) -> None:
    parser.description = "Put rows of the table on a Kinesis stream. `served` counts the records the stream took."
    parser.add_argument(
        "--stream",
        default=wiring.settings.stream_predictions,
        help="the stream's name, of a further table with -<name> behind",
    )


def _send(arguments: argparse.Namespace, wiring: Wiring, job: Job) -> None:
    stream = wiring.stream(wiring.stream_name(arguments.stream))
    for records in job.batches(at_most=MAX_BATCH_RECORDS):
        # A random partition key spreads the rows over all shards.
        deliver(stream, [(uuid.uuid4().hex, msgspec.json.encode(record)) for record in records], job)


def deliver(stream: StreamWriter, records: list[Keyed], job: Job) -> None:
    """Put the records, and again while the stream is away; the stream has no keys to tell a repeat by."""
    for _ in job.tries():
        try:
            stream.put(records)
        except Unavailable as error:
            job.progress.last = f"trying again: {error}"
            continue
        job.progress.served += len(records)
        job.progress.last = ""
        return
    job.progress.failed += len(records)


if __name__ == "__main__":
    sys.exit(main())
