"""The port of streams on two emulators: every record is taken, and every record is read, in order, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from embedded.service import Service, free_port
from tabular.adapters.shards import KinesisShards
from tabular.adapters.stream import MAX_RECORD_BYTES, KinesisStream, StreamAdmin
from tabular.errors import NotFound, Rejected, Unavailable
from tabular.prediction import id_from_stream
from tabular.shard_reader import Position, ShardReader

REGION = "us-east-1"
HALF_OF_THE_KEYS = 2**127


@pytest.fixture(scope="module", params=["ministack", "moto"])
def emulator_url(request: pytest.FixtureRequest) -> str:
    service: Service = request.getfixturevalue(request.param)
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
def client(emulator_url):
    return boto3.client("kinesis", endpoint_url=emulator_url, region_name=REGION)


@pytest.fixture
def stream(emulator_url, request) -> Iterator[str]:
    """A fresh stream of two shards."""
    name = f"s{abs(hash(request.node.name)):x}"
    admin = StreamAdmin(emulator_url, REGION)
    assert admin.ensure(name, 2)
    yield name
    boto3.client("kinesis", endpoint_url=emulator_url, region_name=REGION).delete_stream(StreamName=name)


def records(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    return [(f"key-{number}", str(number).encode()) for number in range(start, start + count)]


def reader(stream: str, url: str, saved: dict[str, Position] | None = None) -> ShardReader:
    known = {} if saved is None else saved

    def load(shard):
        position = known.get(shard)
        return position and {name: getattr(position, name) for name in Position.__struct_fields__}

    return ShardReader(KinesisShards(stream, url, REGION), load, discover_seconds=0.0)


def read_all(source: ShardReader, saved: dict[str, Position] | None = None, limit: int = 500):
    """Read until three polls in a row find nothing, saving positions as the consumer does."""
    found, idle = [], 0
    while idle < 3:
        batch = source.poll(limit)
        assert len(batch.records) <= limit
        found += batch.records
        if saved is not None:
            saved.update(batch.positions)
        idle = 0 if batch.positions else idle + 1
    return found


def numbers(found) -> list[int]:
    return sorted(int(record.data) for record in found)


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
    [(("k", b"x" * MAX_RECORD_BYTES), "record 2 .*'k'.*1,048,577"), (("", b"x"), "record 2 .*partition key")],
)
def test_a_record_that_can_never_be_put_is_named_and_nothing_is_sent(emulator_url, stream, record, named):
    with pytest.raises(Rejected, match=named):
        KinesisStream(stream, emulator_url, REGION).put([*records(2), record])
    assert read_all(reader(stream, emulator_url)) == []


def test_only_the_refused_part_of_a_put_is_sent_again(faulty, emulator_url, stream):
    faulty.refuse_records(0, 3, 7)
    faulty.refuse_records(1)
    KinesisStream(stream, faulty.url, REGION).put(records(10))
    assert [len(call["Records"]) for call in faulty.seen["PutRecords"]] == [10, 3, 1]
    assert numbers(read_all(reader(stream, emulator_url))) == list(range(10))


def test_a_throttled_put_is_sent_again(faulty, emulator_url, stream):
    faulty.refuse("PutRecords", "ProvisionedThroughputExceededException", times=4)
    KinesisStream(stream, faulty.url, REGION).put(records(10))
    assert numbers(read_all(reader(stream, emulator_url))) == list(range(10))


def test_a_stream_that_goes_on_refusing_is_unavailable_and_says_how_many_are_left(faulty, stream):
    for _ in range(3):
        faulty.refuse_records(0)
    with pytest.raises(Unavailable, match=r"1 of 10 records.*planted") as caught:
        KinesisStream(stream, faulty.url, REGION, attempts=3).put(records(10))
    assert caught.value.retry_after_seconds > 0


def test_a_missing_stream_is_not_found_by_name(emulator_url):
    with pytest.raises(NotFound, match="nowhere"):
        KinesisStream("nowhere", emulator_url, REGION).put(records(1))
    with pytest.raises(Unavailable, match="nowhere"):
        reader("nowhere", emulator_url).poll(10)


def test_an_endpoint_that_nobody_serves_is_unavailable():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match="endpoint"):
        KinesisStream("any", url, REGION).put(records(1))
    with pytest.raises(Unavailable, match="endpoint"):
        reader("any", url).poll(10)


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


def test_an_expired_iterator_is_renewed_without_loss_or_repeat(faulty, emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(300))
    source = reader(stream, faulty.url)
    found = source.poll(100).records
    faulty.refuse("GetRecords", "ExpiredIteratorException", times=2)
    assert numbers(found + read_all(source, limit=100)) == list(range(300))


def test_a_throttled_read_loses_nothing(faulty, emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(30))
    source = reader(stream, faulty.url)
    faulty.refuse("GetRecords", "ProvisionedThroughputExceededException", times=4)
    found = []
    for _ in range(10):
        try:
            found += source.poll(10).records
        except Unavailable:
            continue
    assert numbers(found) == list(range(30))


def test_a_position_that_was_trimmed_does_not_stall_the_shard(faulty, emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(100))
    saved: dict[str, Position] = {}
    read_all(reader(stream, emulator_url), saved)
    faulty.refuse("GetShardIterator", "InvalidArgumentException", times=1)
    found = read_all(reader(stream, faulty.url, saved))
    assert len({record.shard for record in found}) == 1, (
        "one shard again from its oldest record, the other from its end"
    )
    assert 0 < len(found) < 100


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


class _Nothing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def nothing():
    """An endpoint that answers every call with 200 and nothing, as ministack did when it was killed in mid-answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_that_says_nothing_is_no_success(nothing):
    with pytest.raises(Unavailable, match="did not say"):
        KinesisStream("s", nothing, REGION, attempts=2).put([("key", b"data")])
    shards = KinesisShards("s", nothing, REGION)
    for call in (shards.listing, lambda: shards.place("shard", None), lambda: shards.read("shard", "place", 1)):
        with pytest.raises(Unavailable, match=r"left .* out of its answer"):
            call()
