"""The stream's consumer as a real process, sent what is meant to exhaust it: poison of a megabyte a record."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded.services.service import Service
from tabular.adapters.kinesis.streams import MAX_PUT_RECORD_BYTES, KinesisStream
from tabular.encoding.row import MAX_RECORD_BYTES
from tests.adapters.faulty_kinesis import FaultyKinesis
from tests.journeys.patience import wait_until
from tests.journeys.stream_door import REGION, Door, bodies

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
BOUND_KB = 64 * 1024


@pytest.fixture
def like_kinesis(ministack: Service) -> Iterator[FaultyKinesis]:
    """The emulator with Kinesis' own limit: a read brings ten megabytes at most."""
    proxy = FaultyKinesis(f"http://127.0.0.1:{ministack.port}")
    proxy.limit_reads()
    yield proxy
    proxy.close()


def memory_kb(pid: int, what: str) -> int:
    """`VmRSS`, what it has now, or `VmHWM`, the most that it had since `forget_peak`."""
    return int(re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def put(door: Door, ministack: Service, sent: list[bytes]) -> None:
    stream = KinesisStream(f"{door.name}-predictions", f"http://127.0.0.1:{ministack.port}", REGION)
    for at in range(0, len(sent), 50):
        stream.put([(f"key-{at + offset}", body) for offset, body in enumerate(sent[at : at + 50])])


@pytest.mark.timeout(300)
def test_a_hundred_megabytes_of_poison_cost_a_bounded_memory_and_keep_nobody_back(
    make_door: Callable[..., Door], ministack: Service, like_kinesis: FaultyKinesis, bundle
):
    door = make_door(aws_port=int(like_kinesis.url.rpartition(":")[2]))
    process = door.start()
    ordinary = bodies(bundle, 5_000)
    put(door, ministack, ordinary)
    wait_until(lambda: door.answered() >= len(ordinary))
    before_kb = memory_kb(process.pid, "VmRSS")
    forget_peak(process.pid)

    kinds = list(POISON.values())
    sent = [kinds[at % len(kinds)] for at in range(POISON_RECORDS)]
    good = bodies(bundle, POISON_RECORDS // ONE_GOOD_IN)
    for at, body in enumerate(good):
        sent.insert(at * (ONE_GOOD_IN + 1), body)
    put(door, ministack, sent)
    wait_until(lambda: door.metric('consumer_records_total{outcome="dead_letter"}') >= POISON_RECORDS)
    wait_until(lambda: door.answered() >= len(ordinary) + len(good))

    peak_kb = memory_kb(process.pid, "VmHWM")
    assert peak_kb <= before_kb + BOUND_KB, f"{before_kb:,} kB before, {peak_kb:,} kB at the most"
    assert door.metric('consumer_records_total{outcome="dead_letter"}') == POISON_RECORDS
    for step in ("read", "store", "results", "dead letters", "checkpoint"):
        assert door.failures(step) == 0, step
    letters = door.read("dead")
    assert len(letters) == POISON_RECORDS
    for letter in letters:
        assert len(letter.data) + len(letter.partition_key) <= MAX_PUT_RECORD_BYTES
        assert len(letter.data) <= 2 * json.loads(letter.data)["data_bytes"] + 100_000
    labels = labels_of(f"http://127.0.0.1:{door.port}/metrics")
    assert labels == {
        "outcome": {"served", "dead_letter"},
        "step": {"read", "store", "results", "dead letters", "checkpoint"},
        "task": {"follow", "leases"},
        "run_id": {"a" * 32},
        "shard": {"shardId-000000000000", "shardId-000000000001"},
    }


def labels_of(url: str) -> dict[str, set[str]]:
    """Every label on a page of metrics and its values; a histogram's bounds left out."""
    with urllib.request.urlopen(url, timeout=10) as page:
        pairs = re.findall(r'(\w+)="([^"]*)"', page.read().decode())
    names = {name for name, _ in pairs} - {"le"}
    return {name: {value for key, value in pairs if key == name} for name in names}
