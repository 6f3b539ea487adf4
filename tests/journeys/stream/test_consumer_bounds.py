"""The stream's consumer as a real process, sent what is meant to exhaust it: poison of a megabyte a record."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from benchmarks.harness.processes import peak_mb, reset_peak, resident_mb
from embedded.services.service import Service
from tabular.adapters.kinesis.streams import MAX_PUT_RECORD_BYTES
from tabular.encoding.row import MAX_RECORD_BYTES
from tests.adapters.faulty_kinesis import FaultyKinesis
from tests.journeys.stream.consumer_process import TABLE, ConsumerProcess, bodies
from tests.journeys.waiting import wait_until

SIZE_BYTES = MAX_RECORD_BYTES - 1_000
POISON = {
    "not JSON": b"x" * SIZE_BYTES,
    "unknown keys": json.dumps({f"k{at:06}": at % 10 for at in range(SIZE_BYTES // 14)}).encode(),
    "nested brackets": b"[" * SIZE_BYTES,
    "a list of lists": b"[" + b"[]," * (SIZE_BYTES // 3) + b"[]]",
    "one long text": b'{"gender": "' + b"\\u0001" * (SIZE_BYTES // 6) + b'"}',
    "too large": b" " * (MAX_RECORD_BYTES + 10_000),
}
POISON_RECORDS = 120
ONE_GOOD_IN = 10
BOUND_MB = 64 * 1.024**2


@pytest.fixture
def like_kinesis(ministack: Service) -> Iterator[FaultyKinesis]:
    """The emulator with Kinesis' own limit: a read brings ten megabytes at most."""
    proxy = FaultyKinesis(f"http://127.0.0.1:{ministack.port}")
    proxy.limit_reads()
    yield proxy
    proxy.close()


def put(consumer: ConsumerProcess, ministack: Service, sent: list[bytes]) -> None:
    stream = consumer.wiring.stream(f"{consumer.name}-predictions")
    for at in range(0, len(sent), 50):
        stream.put([(f"key-{at + offset}", body) for offset, body in enumerate(sent[at : at + 50])])


@pytest.mark.timeout(300)
def test_a_hundred_megabytes_of_poison_cost_a_bounded_memory_and_keep_nobody_back(
    make_consumer: Callable[..., ConsumerProcess], ministack: Service, like_kinesis: FaultyKinesis, bundle
):
    consumer = make_consumer(aws_port=int(like_kinesis.url.rpartition(":")[2]))
    process = consumer.start()
    ordinary = bodies(bundle, 5_000)
    put(consumer, ministack, ordinary)
    wait_until(lambda: consumer.served() >= len(ordinary))
    before_mb = resident_mb(process.pid)
    reset_peak(process.pid)

    kinds = list(POISON.values())
    sent = [kinds[at % len(kinds)] for at in range(POISON_RECORDS)]
    good = bodies(bundle, POISON_RECORDS // ONE_GOOD_IN)
    for at, body in enumerate(good):
        sent.insert(at * (ONE_GOOD_IN + 1), body)
    put(consumer, ministack, sent)
    wait_until(lambda: consumer.metric('consumer_records_total{outcome="dead_letter"') >= POISON_RECORDS)
    wait_until(lambda: consumer.served() >= len(ordinary) + len(good))

    highest_mb = peak_mb(process.pid)
    assert highest_mb <= before_mb + BOUND_MB, f"{before_mb:.1f} MB before, {highest_mb:.1f} MB at the most"
    assert consumer.metric('consumer_records_total{outcome="dead_letter"') == POISON_RECORDS
    for step in ("read", "store", "results", "dead letters", "checkpoint"):
        assert consumer.failures(step) == 0, step
    letters = consumer.read("dead")
    assert len(letters) == POISON_RECORDS
    for letter in letters:
        assert len(letter.data) + len(letter.partition_key) <= MAX_PUT_RECORD_BYTES
        assert len(letter.data) <= 2 * json.loads(letter.data)["data_bytes"] + 100_000
    labels = labels_of(consumer.url)
    assert labels == {
        "table": {TABLE},
        "outcome": {"served", "accepted", "blank", "dead_letter"},
        "step": {"read", "store", "results", "dead letters", "checkpoint"},
        "task": {"follow", "leases", "label leases"},
        "result": {"attached", "corrected", "orphans", "repeated", "waiting"},
        "run_id": {"a" * 32},
        "shard": {"shardId-000000000000", "shardId-000000000001"},
    }


def labels_of(url: str) -> dict[str, set[str]]:
    """Every label on a page of metrics and its values; a histogram's bounds left out."""
    with urllib.request.urlopen(url, timeout=10) as page:
        pairs = re.findall(r'(\w+)="([^"]*)"', page.read().decode())
    names = {name for name, _ in pairs} - {"le"}
    return {name: {value for key, value in pairs if key == name} for name in names}
