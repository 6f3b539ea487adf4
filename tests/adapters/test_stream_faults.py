"""The port of streams when Kinesis throttles, rejects, forgets or says nothing: no record is lost or read twice."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from embedded.services.service import free_port
from server.stream.shard_reader import Position
from tabular.adapters.kinesis.shards import KinesisShards
from tabular.adapters.kinesis.streams import KinesisStream
from tabular.errors import NotFound, Unavailable
from tests.adapters.numbered_records import REGION, numbers, read_all, reader, records


def test_only_the_rejected_part_of_a_put_is_sent_again(faulty, emulator_url, stream):
    faulty.reject_records(0, 3, 7)
    faulty.reject_records(1)
    KinesisStream(stream, faulty.url, REGION).put(records(10))
    assert [len(call["Records"]) for call in faulty.seen["PutRecords"]] == [10, 3, 1]
    assert numbers(read_all(reader(stream, emulator_url))) == list(range(10))


def test_a_throttled_put_is_sent_again(faulty, emulator_url, stream):
    faulty.reject("PutRecords", "ProvisionedThroughputExceededException", times=4)
    KinesisStream(stream, faulty.url, REGION).put(records(10))
    assert numbers(read_all(reader(stream, emulator_url))) == list(range(10))


def test_a_stream_that_goes_on_rejecting_is_unavailable_and_says_how_many_are_left(faulty, stream):
    for _ in range(3):
        faulty.reject_records(0)
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


def test_an_expired_iterator_is_renewed_without_loss_or_repeat(faulty, emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(300))
    source = reader(stream, faulty.url)
    found = source.poll(100).records
    faulty.reject("GetRecords", "ExpiredIteratorException", times=2)
    assert numbers(found + read_all(source, limit=100)) == list(range(300))


def test_a_throttled_read_loses_nothing(faulty, emulator_url, stream):
    KinesisStream(stream, emulator_url, REGION).put(records(30))
    source = reader(stream, faulty.url)
    faulty.reject("GetRecords", "ProvisionedThroughputExceededException", times=4)
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
    faulty.reject("GetShardIterator", "InvalidArgumentException", times=1)
    found = read_all(reader(stream, faulty.url, saved))
    assert len({record.shard for record in found}) == 1, (
        "one shard again from its oldest record, the other from its end"
    )
    assert 0 < len(found) < 100


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
    """An endpoint that answers every call with 200 and nothing, as ministack did when it was killed in mid-response."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_response_that_says_nothing_is_no_success(nothing):
    with pytest.raises(Unavailable, match="did not say"):
        KinesisStream("s", nothing, REGION, attempts=2).put([("key", b"data")])
    shards = KinesisShards("s", nothing, REGION)
    for call in (shards.listing, lambda: shards.iterator("shard", None), lambda: shards.read("shard", "place", 1)):
        with pytest.raises(Unavailable, match=r"left .* out of its response"):
            call()
