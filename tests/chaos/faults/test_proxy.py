"""The faulty proxy does what AWS does, and our own adapters get every record through it."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import suppress

import pytest

from embedded.services.service import free_port
from server.stream.shard_reader import ShardReader
from tabular.adapters.kinesis.streams import KinesisStream
from tabular.errors import Unavailable
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.chaos.faults.proxy import FaultyProxy

REGION = "us-east-1"
RECORDS = 60


def wired(port: int) -> Wiring:
    return Wiring(Settings(aws_endpoint_url=f"http://127.0.0.1:{port}", aws_region=REGION))


@pytest.fixture
def stream(ministack):
    name = f"proxied-{uuid.uuid4().hex[:8]}"
    wired(ministack.port).stream_admin().ensure(name, 2)
    return name


@pytest.fixture
def proxy(ministack):
    proxy = FaultyProxy(free_port(), ministack.port, seed=2)
    yield proxy
    proxy.close()


def read(stream, port, polls) -> Counter[str]:
    """How often each key is on the stream."""
    reader = ShardReader(wired(port).shards(stream), lambda _: None)
    found: Counter[str] = Counter()
    for _ in range(polls):
        with suppress(Unavailable):
            found.update(record.partition_key for record in reader.poll(1_000).records)
    return found


def put(stream, proxy, times):
    adapter = KinesisStream(stream, f"http://127.0.0.1:{proxy.port}", REGION, attempts=20)
    size = RECORDS // times
    for first in range(0, RECORDS, size):
        adapter.put([(f"k{number}", b"data") for number in range(first, first + size)])


def test_what_half_fails_is_put_again_and_there_once(stream, proxy, ministack):
    proxy.faults["partial puts"] = 1
    put(stream, proxy, times=4)
    assert proxy.injected["partial puts"] > 0
    assert read(stream, ministack.port, 5) == {f"k{number}": 1 for number in range(RECORDS)}


def test_a_put_whose_response_is_lost_is_put_again_and_may_be_there_twice(stream, proxy, ministack):
    proxy.faults["responses lost on the way"] = 1
    put(stream, proxy, times=6)
    assert proxy.injected["responses lost on the way"] > 0
    found = read(stream, ministack.port, 5)
    assert found.keys() == {f"k{number}" for number in range(RECORDS)}
    assert max(found.values()) > 1


def test_expired_iterators_and_throttling_lose_no_record(stream, proxy):
    put(stream, proxy, times=1)
    proxy.faults["expired iterators"] = proxy.faults["throttled"] = 1
    assert read(stream, proxy.port, 12) == {f"k{number}": 1 for number in range(RECORDS)}
    assert proxy.injected["expired iterators"] > 0
    assert proxy.injected["throttled"] > 0
