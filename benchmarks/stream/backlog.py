"""A backlog on two shards: the consumer beside the emulator alone and beside what one would write at first."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import Row, median_ratio
from benchmarks.results import Table
from benchmarks.stream.door import OTHER, Door
from benchmarks.stream.own import BATCH_RECORDS

ONE_BY_ONE_RECORDS = 300  # it is slow
CONSUMER = "consumer"
NAMES = {
    CONSUMER: "the consumer",
    "emulator": "the emulator alone, get and put",
    "batches": "a plain boto3 loop",
    "one-by-one": "one record at a time",
}


@dataclass(frozen=True)
class Rounds:
    """Records a second by contender, round by round, and the consumer's CPU microseconds a record."""

    rates: dict[str, list[float]]
    cpu_us: list[float]

    def over(self, name: str) -> float:
        """The consumer's rate over another's: the median of the rounds' ratios."""
        return median_ratio(self.rates[CONSUMER], self.rates[name])


def measure(door: Door, rounds: int) -> Rounds:
    """All contenders in turn, round by round."""
    found = Rounds({name: [] for name in NAMES}, [])
    stream, few = door.stream(2), min(door.records, ONE_BY_ONE_RECORDS)
    with door.consumers(stream, 1) as consumers:
        for _ in range(rounds):
            seconds, cpu = door.catch_up(consumers, stream)
            found.cpu_us.append(1e6 * cpu / door.records)
            other = door.stream(2)
            door.put(other)
            found.rates[CONSUMER].append(door.records / seconds)
            found.rates["emulator"].append(door.records / _emulator_alone(door.client, other))
            found.rates["batches"].append(door.records / _plain(door, "batches", other, door.records))
            found.rates["one-by-one"].append(few / _plain(door, "one-by-one", other, few))
    return found


def table(found: Rounds) -> Table:
    """Records a second, and the consumer's over each."""
    rows: list[Row] = [
        {"contender": name, "records/s": statistics.median(found.rates[key]), "consumer / it": found.over(key)}
        for key, name in NAMES.items()
    ]
    notes = (
        f"Two shards; medians of {len(found.cpu_us)} rounds, ratios within a round. All but the emulator alone "
        "write to the store. The plain loops store rows without an index and have no leases, dead letters or reshards. "
        "The consumer's whole process takes "
        f"{statistics.median(found.cpu_us):.0f} us of CPU a record."
    )
    return Table("A backlog", rows, notes, bars=("contender", "records/s"))


def _plain(door: Door, kind: str, stream: str, records: int) -> float:
    command = [sys.executable, "-m", "benchmarks.stream.plain", kind, door.bundle.folder, door.url, door.mongo, stream]
    done = subprocess.run([*map(str, command), str(records)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _emulator_alone(client: Any, stream: str) -> float:
    started = time.perf_counter()
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        place = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            page = client.get_records(ShardIterator=place, Limit=BATCH_RECORDS)
            if not page["Records"]:
                break
            same = [{"PartitionKey": row["PartitionKey"], "Data": row["Data"]} for row in page["Records"]]
            client.put_records(StreamName=OTHER, Records=same)
            place = page["NextShardIterator"]
    return time.perf_counter() - started
