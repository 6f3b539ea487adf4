"""The port of streams on two emulators: every record is taken, and every record is read, in order, whatever happens."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import boto3
import pytest

from server.scoring.model import ready_model
from server.stream.batch import dead_letters, predict
from server.stream.shard_reader import Position
from tabular.adapters.kinesis.streams import MAX_PUT_RECORD_BYTES, KinesisStream, StreamAdmin
from tabular.errors import Rejected, Unavailable
from tabular.ports.streams import StreamRecord
from tabular.predictions.prediction import id_from_stream
from tests.adapters.numbered_records import REGION, numbers, read_all, reader, records

HALF_OF_THE_KEYS = 2**127


@pytest.fixture
def client(emulator_url):
    return boto3.client("kinesis", endpoint_url=emulator_url, region_name=REGION)


def test_a_stream_is_created_once(emulator_url, stream):
    assert not StreamAdmin(emulator_url, REGION).ensure(stream, 2)


def test_every_record_of_both_shards_is_read_once_in_the_order_of_its_shard(emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(1_203))
    found = read_all(reader(stream, emulator_url))
    assert numbers(found) == list(range(1_203))
    assert len({record.shard for record in found}) == 2
    assert {record.partition_key for record in found} == {key for key, _ in records(1_203)}
    for shard in {record.shard for record in found}:
        in_shard = [int(record.data) for record in found if record.shard == shard]
        assert in_shard == sorted(in_shard)


def test_more_than_five_megabytes_are_put_in_several_calls(emulator_url, stream):
    big = [(f"key-{number}", bytes([number]) * 900_000) for number in range(7)]
    KinesisStream(stream, emulator_url, REGION).put(big)
    assert sorted(record.data for record in read_all(reader(stream, emulator_url))) == [data for _, data in big]


@pytest.mark.parametrize(
    ("record", "named"),
    [(("k", b"x" * MAX_PUT_RECORD_BYTES), "record 2 .*'k'.*1,048,577"), (("", b"x"), "record 2 .*partition key")],
)
def test_a_record_that_can_never_be_put_is_named_and_nothing_is_sent(emulator_url, stream, record, named):
    with pytest.raises(Rejected, match=named):
        KinesisStream(stream, emulator_url, REGION).put([*records(2), record])
    assert read_all(reader(stream, emulator_url)) == []


def test_a_restart_goes_on_behind_the_saved_positions_and_no_further(emulator_url, stream):
    put = KinesisStream(stream, emulator_url, REGION).put
    put(records(100))
    saved: dict[str, Position] = {}
    first = reader(stream, emulator_url)
    read_all(first, saved)
    put(records(50, start=100))
    unsaved = read_all(first)
    again = read_all(reader(stream, emulator_url, saved))
    assert numbers(unsaved) == numbers(again) == list(range(100, 150))
    assert {id_from_stream(r.stream, r.shard, r.sequence_number) for r in unsaved} == {
        id_from_stream(r.stream, r.shard, r.sequence_number) for r in again
    }
    assert {r.arrived_at for r in unsaved} == {r.arrived_at for r in again}


def test_a_busy_shard_does_not_starve_the_other(emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(400))
    source = reader(stream, emulator_url)
    first_two = source.poll(50).records + source.poll(50).records
    assert len({record.shard for record in first_two}) == 2


def test_a_stream_made_anew_is_read_from_its_beginning_under_other_ids(emulator_url, client, stream):
    put = KinesisStream(stream, emulator_url, REGION).put
    put(records(100))
    saved: dict[str, Position] = {}
    source = reader(stream, emulator_url)
    old = read_all(source, saved)
    client.delete_stream(StreamName=stream)
    time.sleep(1.1)  # ministack tells streams apart by the second
    with pytest.raises(Unavailable):
        source.poll(10)
    StreamAdmin(emulator_url, REGION).ensure(stream, 2)
    put(records(20))
    new = read_all(source)
    assert numbers(new) == numbers(read_all(reader(stream, emulator_url, saved))) == list(range(20))
    ids = [{id_from_stream(r.stream, r.shard, r.sequence_number) for r in found} for found in (old, new)]
    assert not ids[0] & ids[1]


def test_a_split_and_a_merge_in_mid_flight_lose_and_repeat_nothing(ministack):
    """On ministack only: moto goes on putting records on the closed shard."""
    url = f"http://127.0.0.1:{ministack.port}"
    StreamAdmin(url, REGION).ensure("resharded", 2)
    put = KinesisStream("resharded", url, REGION).put
    client = boto3.client("kinesis", endpoint_url=url, region_name=REGION)
    saved: dict[str, Position] = {}
    source = reader("resharded", url)
    put(records(100))
    found = read_all(source, saved)  # ministack forgets what is unread in a shard that is split
    client.split_shard(
        StreamName="resharded",
        ShardToSplit="shardId-000000000001",
        NewStartingHashKey=str(HALF_OF_THE_KEYS * 3 // 2),
    )
    put(records(100, start=100))
    unsaved = source.poll(1_000).records + source.poll(1_000).records
    source = reader("resharded", url, saved)
    again = read_all(source, saved)
    assert numbers(unsaved) == numbers(again) == list(range(100, 200))
    client.merge_shards(
        StreamName="resharded", ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000003"
    )
    put(records(100, start=200))
    found += again + read_all(source, saved)
    assert numbers(found) == list(range(300))
    assert {record.shard for record in found} == {f"shardId-{number:012d}" for number in range(5)}


def test_both_parents_of_a_merge_are_read_before_the_child(moto):
    """On moto only: ministack drops the unread records of a shard that is merged."""
    url = f"http://127.0.0.1:{moto.port}"
    StreamAdmin(url, REGION).ensure("merged", 2)
    put = KinesisStream("merged", url, REGION).put
    put(records(300))
    client = boto3.client("kinesis", endpoint_url=url, region_name=REGION)
    client.merge_shards(
        StreamName="merged", ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000001"
    )
    put(records(50, start=300))
    found = read_all(reader("merged", url), limit=40)
    order = [record.shard for record in found]
    assert set(order) == {f"shardId-{number:012d}" for number in range(3)}
    of_the_child = [shard == "shardId-000000000002" for shard in order]
    assert of_the_child == sorted(of_the_child)


def test_the_largest_dead_letter_of_a_contract_with_very_many_levels_is_taken(
    emulator_url, stream, make_bundle, tiny_contract
):
    def very_many(file):
        categories = [f"{at:06}" + "é" * 80 for at in range(30_000)]
        file["features"][1] |= {"categories": categories, "example": categories[0]}

    model = ready_model("r" * 32, make_bundle(tiny_contract(change=very_many), rows=40))
    data = json.dumps({name: ["\x01"] for name in model.bundle.contract.feature_names}).encode()
    poison = data.replace(b"{", b"{" + b" " * 100 + b'"\xf0\x9f\x98\x80": "' + b"\xf0\x9f\x98\x80" * 60_000 + b'",', 1)
    asked = StreamRecord("s@1", "shard-0", "1", "k" * 256, poison, datetime.now(UTC))
    KinesisStream(stream, emulator_url, REGION).put(dead_letters(predict(model, [asked]).rejected))
    (found,) = read_all(reader(stream, emulator_url))
    letter = json.loads(found.data)
    assert {fault["field"] for fault in letter["faults"]} >= set(model.bundle.contract.feature_names)
