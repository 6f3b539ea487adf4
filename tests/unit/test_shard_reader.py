"""The order of reading, against a stream in memory that closes shards the way Kinesis documents it.

The emulators do not: ministack forgets a split shard with what is unread in it, moto puts records on closed shards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec
import pytest

from tabular.errors import Unavailable
from tabular.ports import StreamRecord
from tabular.shard_reader import Position, ShardReader
from tabular.shards import Gone, Listing, Page, Shard, StalePlace

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class MemoryStream:
    """Shards of numbered records; a place is "name/shard:index". A closed shard ends without a next place."""

    name: str = "s@1"
    shards: dict[str, Shard] = field(default_factory=dict)
    records: dict[str, list[StreamRecord]] = field(default_factory=dict)
    trimmed: dict[str, int] = field(default_factory=dict)
    numbered: int = 0
    is_down: bool = False

    def add(self, name: str, *parents: str) -> None:
        for parent in parents:
            self.shards[parent] = replace(self.shards[parent], is_closed=True)
        self.shards[name], self.records[name] = Shard(name, parents), []

    def put(self, shard: str, count: int) -> None:
        assert not self.shards[shard].is_closed
        for _ in range(count):
            self.numbered += 1
            record = StreamRecord(self.name, shard, f"{self.numbered:09d}", "key", str(self.numbered).encode(), NOON)
            self.records[shard].append(record)

    def listing(self) -> Listing:
        if self.is_down:
            raise Unavailable("stream", "it is down")
        return Listing(self.name, tuple(self.shards.values()))

    def place(self, shard: str, after: str | None) -> str:
        if shard not in self.shards:
            raise Gone("stream", shard)
        known = [record.sequence_number for record in self.records[shard]]
        if after is None:
            return f"{self.name}/{shard}:{self.trimmed.get(shard, 0)}"
        if after not in known or known.index(after) + 1 < self.trimmed.get(shard, 0):
            raise StalePlace(after)
        return f"{self.name}/{shard}:{known.index(after) + 1}"

    def read(self, shard: str, place: str, limit: int) -> Page:
        if self.is_down:
            raise Unavailable("stream", "it is down")
        if shard not in self.shards:
            raise Gone("stream", shard)
        if not place.startswith(f"{self.name}/"):
            raise StalePlace(place)
        start = int(place.rpartition(":")[2])
        found = tuple(self.records[shard][start : start + limit])
        end = start + len(found)
        left = len(self.records[shard]) - end
        at_end = self.shards[shard].is_closed and not left
        return Page(found, None if at_end else f"{self.name}/{shard}:{end}", left)


@pytest.fixture
def stream() -> MemoryStream:
    """One shard with 10 records, split into two with 10 each, one of which was merged with a lone one."""
    made = MemoryStream()
    made.add("root")
    made.add("lone")
    made.put("root", 10)
    made.put("lone", 10)
    made.add("left", "root")
    made.add("right", "root")
    made.put("left", 10)
    made.put("right", 10)
    made.add("merged", "right", "lone")
    made.put("merged", 10)
    return made


def start(stream: MemoryStream, saved: dict[str, Position] | None = None) -> ShardReader:
    known = {} if saved is None else saved
    return ShardReader(stream, lambda shard: msgspec.to_builtins(known[shard]) if shard in known else None, 0.0)


def drain(reader: ShardReader, saved: dict[str, Position] | None = None, limit: int = 7, polls: int = 40):
    found = []
    for _ in range(polls):
        batch = reader.poll(limit)
        found += batch.records
        if saved is not None:
            saved.update(batch.positions)
    return found


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


def test_a_parent_that_is_listed_no_more_does_not_hold_its_children_back(stream):
    del stream.shards["root"]
    assert {record.shard for record in drain(start(stream))} == {"lone", "left", "right", "merged"}


def test_a_shard_that_vanishes_while_it_is_read_frees_its_children(stream):
    reader = start(stream)
    reader.poll(3)
    del stream.shards["root"]
    assert {"left", "right", "merged"} <= {record.shard for record in drain(reader)}


def test_an_empty_closed_shard_is_passed(stream):
    stream.add("empty")
    stream.add("child", "empty")
    stream.put("child", 5)
    assert sum(record.shard == "child" for record in drain(start(stream))) == 5


def test_a_closed_shard_is_finished_even_if_the_stream_goes_on_giving_places(stream):
    """As moto does."""
    endless = stream.read
    stream.read = lambda shard, place, limit: replace(
        page := endless(shard, place, limit), next_place=page.next_place or f"{shard}:{len(stream.records[shard])}"
    )
    assert len(drain(start(stream), polls=80)) == 50


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
    stream, claimed = MemoryStream(), {}
    stream.add("only")
    reader = ShardReader(stream, {}.get, 3_600, lambda _: claimed)
    assert not reader.poll(100).records
    stream.name = "s@2"
    stream.put("only", 5)
    claimed["only"] = 1
    assert reader.poll(100).positions["only"].stream == "s@2"


def test_a_checkpoint_that_cannot_be_read_does_not_count(stream):
    reader = ShardReader(stream, {}.fromkeys(stream.shards, {"something": "else"}).get, 0.0)
    assert len(drain(reader)) == 50


def test_what_was_read_before_a_failure_is_handed_over(stream):
    reader = start(stream)
    whole = stream.read

    def fail_on_lone(shard, place, limit):
        if shard == "lone":
            raise Unavailable("stream", "it is down")
        return whole(shard, place, limit)

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


def test_the_lag_is_told_by_shard(stream):
    reader = start(stream)
    reader.poll(4)
    assert reader.behind_milliseconds() == {"lone": 6, "root": 0}


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
    terms = {"root": 1}
    reader = ShardReader(
        stream,
        lambda shard: msgspec.to_builtins(saved[shard]) if shard in saved else None,
        0.0,
        lambda shards: {shard: terms[shard] for shard in shards if shard in terms},
    )
    assert [int(record.data) for record in reader.poll(3).records] == [1, 2, 3]
    saved["root"] = Position("s@1", "000000008")  # somebody else had it meanwhile
    terms["root"] = 2
    assert [int(record.data) for record in reader.poll(3).records] == [9, 10]


def test_what_is_forgotten_is_read_again_from_the_saved_position_also_at_the_end_of_a_shard(stream):
    reader = start(stream, {})
    first = drain(reader, limit=100, polls=3)
    reader.forget(["root", "lone"])
    assert [record.shard for record in reader.poll(100).records].count("root") == 10
    assert {record.shard for record in first} >= {"root", "lone"}
