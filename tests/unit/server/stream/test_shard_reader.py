"""The order of reading, against a stream in memory that closes shards the way Kinesis documents it."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest

from server.stream.shard_reader import Position, ShardReader
from tests.adapters.memory.shards import MemoryStream
from tests.unit.server.stream.reading import drain, start


def test_children_are_read_after_all_their_parents(stream):
    order = [record.shard for record in drain(start(stream))]
    assert len(order) == 50
    ends = {shard: len(order) - 1 - order[::-1].index(shard) for shard in stream.shards}
    for shard in stream.shards.values():
        assert all(ends[parent] < order.index(shard.name) for parent in shard.parents)


def test_a_restart_at_any_point_reads_every_record_once_when_each_batch_was_saved(stream):
    saved: dict[str, Position] = {}
    found = [record for _ in range(40) for record in drain(start(stream, saved), saved, limit=3, polls=1)]
    assert sorted(int(record.data) for record in found) == list(range(1, 51))


def test_a_batch_that_was_not_saved_is_read_again(stream):
    saved: dict[str, Position] = {}
    drain(start(stream, saved), saved, polls=2)
    lost = drain(start(stream, saved), None, polls=40)
    assert drain(start(stream, saved), None, polls=40) == lost != []


def test_an_empty_closed_shard_is_passed(stream):
    stream.add("empty")
    stream.add("child", "empty")
    stream.put("child", 5)
    assert sum(record.shard == "child" for record in drain(start(stream))) == 5


def test_a_closed_shard_is_finished_even_if_the_stream_goes_on_giving_places(stream):
    """As moto does."""
    endless = stream.read
    stream.read = lambda shard, iterator, limit: replace(
        page := endless(shard, iterator, limit),
        next_iterator=page.next_iterator or f"{shard}:{len(stream.records[shard])}",
    )
    assert len(drain(start(stream), polls=80)) == 50


def test_the_lag_is_told_by_shard(stream):
    reader = start(stream)
    reader.poll(4)
    assert reader.lag_milliseconds() == {"lone": 6, "root": 0}


@pytest.mark.parametrize("seed", range(10))
def test_two_readers_share_the_shards_and_still_read_no_child_before_its_parents(stream, seed):
    """Each reads what is its own for the moment; a shard changes hands only when its last batch is saved."""
    draw = random.Random(seed)
    saved: dict[str, Position] = {}
    owners: dict[str, int] = {}

    def claim_of(reader: int):
        return lambda shards: {shard: 0 for shard in shards if owners.setdefault(shard, draw.randrange(2)) == reader}

    def load(shard: str):
        return msgspec.to_builtins(saved[shard]) if shard in saved else None

    readers = [ShardReader(stream, load, 0.0, claim_of(at)) for at in range(2)]
    order = []
    for _ in range(200):
        batch = readers[draw.randrange(2)].poll(3)
        order += batch.records
        saved.update(batch.positions)
    assert sorted(int(record.data) for record in order) == list(range(1, 51))
    shards = [record.shard for record in order]
    ends = {shard: len(shards) - 1 - shards[::-1].index(shard) for shard in stream.shards}
    for shard in stream.shards.values():
        assert all(ends[parent] < shards.index(shard.name) for parent in shard.parents)


def test_a_claim_under_a_new_term_is_read_from_the_saved_position(stream):
    saved: dict[str, Position] = {}
    tokens = {"root": 1}
    reader = ShardReader(
        stream,
        lambda shard: msgspec.to_builtins(saved[shard]) if shard in saved else None,
        0.0,
        lambda shards: {shard: tokens[shard] for shard in shards if shard in tokens},
    )
    assert [int(record.data) for record in reader.poll(3).records] == [1, 2, 3]
    saved["root"] = Position("s@1", "000000008")  # somebody else had it meanwhile
    tokens["root"] = 2
    assert [int(record.data) for record in reader.poll(3).records] == [9, 10]


def test_what_is_forgotten_is_read_again_from_the_saved_position_also_at_the_end_of_a_shard(stream):
    reader = start(stream, {})
    first = drain(reader, limit=100, polls=3)
    reader.forget(["root", "lone"])
    assert [record.shard for record in reader.poll(100).records].count("root") == 10
    assert {record.shard for record in first} >= {"root", "lone"}


def test_large_records_are_read_a_few_at_a_time_and_small_ones_again_as_many_as_are_wanted():
    stream = one_shard(sizes=[1_000_000] * 20 + [100] * 600)
    reader = start(stream)
    found = [len(reader.poll(10).records) for _ in range(6)]
    assert found == [10, 2, 2, 2, 2, 2], "nothing is known of the first"
    assert len(reader.poll(500).records) == 2
    assert len(reader.poll(500).records) == 500


def test_a_batch_that_holds_enough_takes_up_no_further_shard():
    stream = one_shard(sizes=[1_000_000] * 6)
    stream.add("two")
    stream.put("two", 6)
    stream.records["two"] = [replace(record, data=b"x" * 1_000_000) for record in stream.records["two"]]
    assert len({record.shard for record in start(stream).poll(500).records}) == 1


def one_shard(sizes: list[int]) -> MemoryStream:
    stream = MemoryStream()
    stream.add("one")
    stream.put("one", len(sizes))
    pairs = zip(stream.records["one"], sizes, strict=True)
    stream.records["one"] = [replace(record, data=b"x" * size) for record, size in pairs]
    return stream
