"""The emulator of the embedded stack: closed to web pages, and bounded in memory without a reader's loss."""

from __future__ import annotations

import http.client
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from embedded.layout import Layout
from embedded.services import backends
from embedded.services.service import free_port
from server.stream.shard_reader import ShardReader
from tabular.adapters.kinesis.shards import KinesisShards
from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin, kinesis_client
from tabular.errors import Unavailable
from tabular.settings import Settings
from tests.foreign_page import permissions

REGION = "us-east-1"
RETENTION_SECONDS = 3.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def bounded(tmp_path):
    """Starts an emulator of this test alone with these bounds; gives its address and its process."""
    started = []

    def start(**bounds):
        ports = replace(Layout().ports, emulator=free_port())
        service = backends.emulator(Layout(tmp_path, ports), Settings(**bounds))
        running = service.running(tmp_path / "emulator.log")
        process = running.__enter__()
        started.append(running)
        return f"http://127.0.0.1:{service.port}", process

    yield start
    for running in started:
        running.__exit__(None, None, None)


@pytest.fixture
def client(bounded):
    """A client of an emulator with a short retention and a stream `short` of one shard."""
    address, _ = bounded(emulator_retention_seconds=RETENTION_SECONDS)
    StreamAdmin(address, REGION).ensure("short", 1)
    return kinesis_client(address, REGION)


def put(client, *names):
    records = [{"Data": name.encode(), "PartitionKey": "key"} for name in names]
    response = client.put_records(StreamName="short", Records=records)
    return [record["SequenceNumber"] for record in response["Records"]]


def iterator(client, kind, **after):
    shard = client.list_shards(StreamName="short")["Shards"][0]["ShardId"]
    return client.get_shard_iterator(StreamName="short", ShardId=shard, ShardIteratorType=kind, **after)[
        "ShardIterator"
    ]


def read(client, place, limit=1000):
    response = client.get_records(ShardIterator=place, Limit=limit)
    return [record["Data"].decode() for record in response["Records"]], response["NextShardIterator"]


def grow_old(client):
    """Let what is there pass the retention, counted from a use of the emulator that notes what is there."""
    time.sleep(RETENTION_SECONDS / 10)
    client.describe_stream(StreamName="short")
    time.sleep(RETENTION_SECONDS + 0.5)


def test_time_in_which_it_is_stopped_does_not_count(tmp_path):
    ports = replace(Layout().ports, emulator=free_port())
    service = backends.emulator(Layout(tmp_path, ports), Settings(emulator_retention_seconds=RETENTION_SECONDS))
    client = kinesis_client(f"http://127.0.0.1:{service.port}", REGION)
    with service.running(tmp_path / "emulator.log"):
        client.create_stream(StreamName="short", ShardCount=1)
        put(client, "unread")
    time.sleep(RETENTION_SECONDS + 0.5)
    with service.running(tmp_path / "emulator.log"):
        assert read(client, iterator(client, "TRIM_HORIZON"))[0] == ["unread"]


@pytest.mark.parametrize("path", ["/", "/feature-store/a", "/_ministack/health", "/_ministack/config", "/?Action=List"])
def test_a_foreign_page_is_permitted_nothing(ministack, path):
    assert permissions("127.0.0.1", ministack.port, path) == []


@pytest.mark.parametrize("path", ["/?Action=ListQueues&Version=2012-11-05", "/feature-store", "/_ministack/reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_origin_is_rejected_unless_it_is_signed(ministack, method, path):
    # As an image of a page or its form sends it.
    connection = http.client.HTTPConnection("127.0.0.1", ministack.port, timeout=20)
    connection.request(method, path)
    assert connection.getresponse().status == 403


def test_only_s3_and_kinesis_are_there(ministack):
    connection = http.client.HTTPConnection("127.0.0.1", ministack.port, timeout=20)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/lambda/aws4_request"}
    connection.request("GET", "/2015-03-31/functions/", headers=signed)
    assert connection.getresponse().status >= 400


def test_records_older_than_the_retention_are_let_go_and_the_horizon_moves(client):
    (old,) = put(client, "old")
    grow_old(client)
    put(client, "new")
    assert read(client, iterator(client, "TRIM_HORIZON"))[0] == ["new"]
    after = iterator(client, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=old)
    assert read(client, after)[0] == ["new"]
    at = iterator(client, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=old)
    assert read(client, at)[0] == ["new"]


def test_an_iterator_keeps_its_place_while_records_before_it_are_let_go(client):
    put(client, *(f"old-{number}" for number in range(10)))
    first, place = read(client, iterator(client, "TRIM_HORIZON"), limit=4)
    at_the_end = iterator(client, "LATEST")
    grow_old(client)
    put(client, *(f"new-{number}" for number in range(10)))
    assert len(first) == 4
    new = [f"new-{number}" for number in range(10)]
    assert read(client, place)[0] == new  # it was at a record that is gone: the oldest that is left
    assert read(client, at_the_end)[0] == new


def test_a_reader_within_the_retention_gets_every_record_once_though_others_are_let_go(bounded):
    address, _ = bounded(emulator_retention_seconds=RETENTION_SECONDS)
    StreamAdmin(address, REGION).ensure("short", 2)
    stream = KinesisStream("short", address, REGION)
    reader = ShardReader(KinesisShards("short", address, REGION), load=lambda _: None)
    sent, got = 0, []
    until = time.monotonic() + 4 * RETENTION_SECONDS
    while time.monotonic() < until:
        stream.put([(str(sent + more), str(sent + more).encode()) for more in range(100)])
        sent += 100
        got += [int(record.data) for record in reader.poll(60).records]  # falls behind, until it hurries
        if sent - len(got) > 300:
            got += [int(record.data) for record in reader.poll(500).records]
        time.sleep(0.1)
    while batch := reader.poll(500).records:
        got += [int(record.data) for record in batch]
    assert sorted(got) == list(range(sent))
    kinesis = kinesis_client(address, REGION)
    left = sum(
        len(kinesis.get_records(ShardIterator=place, Limit=10_000)["Records"])
        for shard in kinesis.list_shards(StreamName="short")["Shards"]
        for place in [
            kinesis.get_shard_iterator(StreamName="short", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
        ]
    )
    assert left < sent / 2


def test_memory_stays_bounded_while_300_megabytes_pass(bounded):
    address, process = bounded(emulator_retention_seconds=1.0)
    StreamAdmin(address, REGION).ensure("short", 1)
    stream, record = KinesisStream("short", address, REGION), b"x" * 100_000
    before = resident_bytes(process.pid)
    most = before
    for _ in range(300):
        stream.put([("key", record)] * 10)
        most = max(most, resident_bytes(process.pid))
        time.sleep(0.02)
    assert most - before < 150_000_000, (before, most)


def test_a_full_emulator_rejects_puts_until_records_are_old_and_loses_nothing_that_it_took(bounded, tmp_path):
    address, _ = bounded(emulator_retention_seconds=8.0, emulator_max_bytes=1_000_000)
    StreamAdmin(address, REGION).ensure("short", 1)
    client = kinesis_client(address, REGION)
    taken = 0
    while taken < 50 and took(client, b"x" * 100_000):
        taken += 1
    assert 5 <= taken < 50
    assert len(read(client, iterator(client, "TRIM_HORIZON"))[0]) == taken
    assert "EMULATOR_MAX_BYTES" in (tmp_path / "emulator.log").read_text()
    assert put_at_last(KinesisStream("short", address, REGION), b"one more")


def took(client, data):
    try:
        return client.put_record(StreamName="short", Data=data, PartitionKey="key")
    except client.exceptions.ProvisionedThroughputExceededException:
        return None


def put_at_last(stream, data, seconds=60):
    """True once the stream takes the record: our producers wait and try again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            stream.put([("key", data)])
        except Unavailable:
            continue
        return True
    return False


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
