"""What is read when shards, records or the whole stream vanish, are made anew or cannot be had."""

from __future__ import annotations

import pytest

from server.stream.shard_reader import Position, ShardReader
from tabular.errors import Unavailable
from tests.adapters.memory.shards import MemoryStream
from tests.unit.server.stream.reading import drain, start


def test_a_parent_that_is_listed_no_more_does_not_hold_its_children_back(stream):
    del stream.shards["root"]
    assert {record.shard for record in drain(start(stream))} == {"lone", "left", "right", "merged"}


def test_a_shard_that_vanishes_while_it_is_read_frees_its_children(stream):
    reader = start(stream)
    reader.poll(3)
    del stream.shards["root"]
    assert {"left", "right", "merged"} <= {record.shard for record in drain(reader)}


def test_a_trimmed_position_goes_on_at_the_oldest_record(stream, caplog):
    saved: dict[str, Position] = {}
    drain(start(stream, saved), saved)
    stream.put("merged", 10)
    stream.trimmed["merged"] = 15
    assert [int(record.data) for record in drain(start(stream, saved))] == list(range(56, 61))
    assert "trimmed" in caplog.text


def test_positions_of_an_earlier_stream_of_the_same_name_do_not_count(stream, caplog):
    saved: dict[str, Position] = {}
    drain(start(stream, saved), saved)
    stream.name = "s@2"
    assert len(drain(start(stream, saved))) == 50
    assert "earlier stream" in caplog.text


def test_a_stream_made_anew_under_a_running_reader_is_read_from_its_beginning(stream):
    reader = start(stream)
    assert len(drain(reader)) == 50
    stream.name = "s@2"
    assert len(drain(reader)) == 50


def test_a_stream_made_anew_between_two_listings_is_not_taken_for_the_earlier_one():
    stream = MemoryStream()
    stream.add("only")
    stream.put("only", 5)
    reader = ShardReader(stream, {}.get, discover_seconds=3_600)
    assert reader.poll(100).positions["only"].stream == "s@1"
    stream.name, stream.records = "s@2", {"only": []}
    stream.put("only", 5)
    batches = [reader.poll(100) for _ in range(5)]
    assert [position.stream for batch in batches for position in batch.positions.values()] == ["s@2"]
    assert [int(record.data) for batch in batches for record in batch.records] == [6, 7, 8, 9, 10]


def test_a_shard_claimed_long_after_the_listing_is_read_as_of_the_stream_that_is_there_now():
    stream, acquired = MemoryStream(), {}
    stream.add("only")
    reader = ShardReader(stream, {}.get, 3_600, lambda _: acquired)
    assert not reader.poll(100).records
    stream.name = "s@2"
    stream.put("only", 5)
    acquired["only"] = 1
    assert reader.poll(100).positions["only"].stream == "s@2"


def test_a_checkpoint_that_cannot_be_read_does_not_count(stream):
    reader = ShardReader(stream, {}.fromkeys(stream.shards, {"something": "else"}).get, 0.0)
    assert len(drain(reader)) == 50


def test_what_was_read_before_a_failure_is_handed_over(stream):
    reader = start(stream)
    whole = stream.read

    def fail_on_lone(shard, iterator, limit):
        if shard == "lone":
            raise Unavailable("stream", "it is down")
        return whole(shard, iterator, limit)

    stream.read = fail_on_lone
    found = []
    for _ in range(10):
        try:
            found += reader.poll(100).records
        except Unavailable:
            continue
    assert {record.shard for record in found} == {"root", "left", "right"}
    stream.read = whole
    assert len(found + drain(reader)) == 50


def test_a_stream_that_is_down_is_unavailable_and_nothing_is_skipped(stream):
    reader = start(stream)
    first = reader.poll(7).records
    stream.is_down = True
    with pytest.raises(Unavailable):
        reader.poll(7)
    stream.is_down = False
    assert len(first + drain(reader)) == 50
