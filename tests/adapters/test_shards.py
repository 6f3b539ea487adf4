"""The port `Shards`: a stream of one shard, on an emulator and in memory, is read alike."""

from __future__ import annotations

import uuid

import pytest

from tabular.adapters.kinesis.shards import KinesisShards
from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin
from tabular.ports.streams import Gone
from tests.adapters.memory.shards import MemoryStream
from tests.adapters.numbered_records import REGION, records


@pytest.fixture(params=["emulator", "memory"])
def shards(request):
    """A stream of one shard with the records 1 to 5."""
    if request.param == "memory":
        made = MemoryStream()
        made.add("only")
        made.put("only", 5)
        return made
    url, name = request.getfixturevalue("aws_url"), f"s{uuid.uuid4().hex}"
    StreamAdmin(url, REGION).ensure(name, 1)
    for record in records(5, start=1):
        KinesisStream(name, url, REGION).put([record])
    return KinesisShards(name, url, REGION)


def test_a_shard_is_read_from_the_oldest_record_on_in_pages(shards):
    (shard,) = shards.listing().shards
    first = shards.read(shard.name, shards.iterator(shard.name, None), 3)
    second = shards.read(shard.name, first.next_iterator, 3)
    assert [record.data for page in (first, second) for record in page.records] == [b"1", b"2", b"3", b"4", b"5"]
    assert second.next_iterator, "an open shard goes on"


def test_reading_goes_on_behind_a_sequence_number(shards):
    (shard,) = shards.listing().shards
    third = shards.read(shard.name, shards.iterator(shard.name, None), 3).records[-1]
    page = shards.read(shard.name, shards.iterator(shard.name, third.sequence_number), 9)
    assert [record.data for record in page.records] == [b"4", b"5"]


def test_a_shard_that_is_not_there_is_gone(shards):
    shards.listing()
    with pytest.raises(Gone):
        shards.iterator("shardId-000000000099", None)
