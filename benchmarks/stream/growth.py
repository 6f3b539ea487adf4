"""A backlog by the number of shards and of consumers that share them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.figures import Row, median_ratio
from benchmarks.results import Table
from benchmarks.stream.door import Door

CONSUMERS = (1, 2)
Rates = dict[tuple[int, int], list[float]]


def measure(door: Door, shards_each: Sequence[int], rounds: int) -> Rates:
    """Records a second by shards and consumers, round by round."""
    found: Rates = {}
    for shards in shards_each:
        for count in CONSUMERS:
            stream = door.stream(shards)
            with door.consumers(stream, count) as consumers:
                found[shards, count] = [door.records / door.catch_up(consumers, stream)[0] for _ in range(rounds)]
    return found


def table(found: Rates) -> Table:
    """Records a second, and both ratios of growth."""
    one, two = CONSUMERS
    shards_each = [shards for shards, count in found if count == one]
    rows: list[Row] = [
        {
            "shards": shards,
            "1 consumer, records/s": statistics.median(found[shards, one]),
            "2 consumers, records/s": statistics.median(found[shards, two]),
            "2 consumers / 1": median_ratio(found[shards, two], found[shards, one]),
            f"1 consumer / on {shards_each[0]}": median_ratio(found[shards, one], found[shards_each[0], one]),
        }
        for shards in shards_each
    ]
    notes = "A shard is one consumer's at a time, so that of two consumers one has nothing to do on one shard."
    return Table("Growth", rows, notes, lines=("shards", "1 consumer, records/s", "2 consumers, records/s"))
