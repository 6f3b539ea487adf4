"""A backlog: the consumer beside the emulator alone and plain loops, and by the number of shards and of consumers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.figures import Row, median_ratio
from benchmarks.harness.model import RUN_ID
from benchmarks.harness.results import Table
from benchmarks.stream.consumers import OTHER, Streams
from benchmarks.stream.plain import pages
from tabular.adapters.kinesis.streams import kinesis_client

ONE_BY_ONE_RECORDS = 300  # it is slow
CONSUMER, EMULATOR, BATCHES, ONE_BY_ONE = "consumer", "emulator", "batches", "one-by-one"
NAMES = {
    CONSUMER: "the consumer",
    EMULATOR: "the emulator alone, get and put",
    BATCHES: "a plain boto3 loop",
    ONE_BY_ONE: "one record at a time",
}
ONE, TWO = 1, 2
"""How many consumers share a stream."""
Growth = dict[tuple[int, int], list[float]]


@dataclass(frozen=True)
class Rounds:
    """Records a second by contender, round by round, and the consumer's CPU microseconds a record."""

    rates: dict[str, list[float]]
    cpu_us: list[float]

    def over(self, name: str) -> float:
        """The consumer's rate over another's: the median of the rounds' ratios."""
        return median_ratio(self.rates[CONSUMER], self.rates[name])


def measure(streams: Streams, rounds: int) -> Rounds:
    """All contenders in turn, round by round."""
    found = Rounds({name: [] for name in NAMES}, [])
    stream, few = streams.new(2), min(streams.records, ONE_BY_ONE_RECORDS)
    with streams.consumers(stream, 2, ONE) as consumers:
        for _ in range(rounds):
            seconds, cpu = streams.catch_up(consumers, stream)
            found.cpu_us.append(1e6 * cpu / streams.records)
            other = streams.new(2)
            streams.put(other)
            found.rates[CONSUMER].append(streams.records / seconds)
            found.rates[EMULATOR].append(streams.records / _emulator_alone(streams, other))
            found.rates[BATCHES].append(streams.records / _plain(streams, BATCHES, other, streams.records))
            found.rates[ONE_BY_ONE].append(few / _plain(streams, ONE_BY_ONE, other, few))
    return found


def table(found: Rounds) -> Table:
    """Records a second, and the consumer's over each."""
    rows: list[Row] = [
        {"contender": name, "records/s": statistics.median(found.rates[key]), "consumer / it": found.over(key)}
        for key, name in NAMES.items()
    ]
    notes = (
        f"Two shards; medians of {len(found.cpu_us)} rounds, ratios within a round. All but the emulator alone write "
        "the same documents to the store, under the same indexes. The plain loops have no leases, dead letters or "
        "reshards. The consumer's whole process takes "
        f"{statistics.median(found.cpu_us):.0f} us of CPU a record."
    )
    return Table("A backlog", rows, notes, bars=("contender", "records/s"))


def growth(streams: Streams, shards_each: Sequence[int], rounds: int) -> Growth:
    """Records a second by shards and consumers, round by round."""
    found: Growth = {}
    for shards in shards_each:
        for count in (ONE, TWO):
            stream = streams.new(shards)
            with streams.consumers(stream, shards, count) as consumers:
                found[shards, count] = [streams.records / streams.catch_up(consumers, stream)[0] for _ in range(rounds)]
    return found


def growth_table(found: Growth) -> Table:
    """Records a second, and both ratios of growth."""
    shards_each = [shards for shards, count in found if count == ONE]
    rows: list[Row] = [
        {
            "shards": shards,
            "1 consumer, records/s": statistics.median(found[shards, ONE]),
            "2 consumers, records/s": statistics.median(found[shards, TWO]),
            "2 consumers / 1": median_ratio(found[shards, TWO], found[shards, ONE]),
            f"1 consumer / on {shards_each[0]}": median_ratio(found[shards, ONE], found[shards_each[0], ONE]),
        }
        for shards in shards_each
    ]
    notes = "A shard is one consumer's at a time, so that of two consumers one has nothing to do on one shard."
    return Table("Growth", rows, notes, lines=("shards", "1 consumer, records/s", "2 consumers, records/s"))


def _plain(streams: Streams, kind: str, stream: str, records: int) -> float:
    settings = streams.wiring.settings
    bundle = settings.state_dir / "bundles" / RUN_ID
    addresses = [settings.aws_endpoint_url, settings.mongo_uri]
    command = [sys.executable, "-m", "benchmarks.stream.plain", kind, str(bundle), *addresses, stream, str(records)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _emulator_alone(streams: Streams, stream: str) -> float:
    settings, left = streams.wiring.settings, streams.records
    client = kinesis_client(settings.aws_endpoint_url, settings.aws_region)
    started = time.perf_counter()
    for _, page in pages(client, stream):
        client.put_records(
            StreamName=OTHER, Records=[{"PartitionKey": row["PartitionKey"], "Data": row["Data"]} for row in page]
        )
        left -= len(page)
        if left <= 0:
            break
    return time.perf_counter() - started
