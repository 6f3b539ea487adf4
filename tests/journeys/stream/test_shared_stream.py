"""Several consumers, real processes, on the eight shards of one stream: joined, killed, stopped, paused, resharded."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from embedded.services.service import Service, stop
from tabular.model.bundle import Bundle
from tests.journeys.stream.consumer_process import REGION, RUN_ID
from tests.journeys.stream.shared_stream import LEASE_SECONDS, SharedStream
from tests.journeys.waiting import WAIT_SECONDS, wait_until


@pytest.fixture
def stream(ministack: Service, store: Service, tmp_path: Path, bundle: Bundle) -> Iterator[SharedStream]:
    shutil.copytree(bundle.folder, tmp_path / "bundles" / RUN_ID)
    bodies = [json.dumps(golden.record).encode() for golden in bundle.golden]
    urls = (f"http://127.0.0.1:{ministack.port}", f"mongodb://127.0.0.1:{store.port}")
    made = SharedStream(*urls, tmp_path, bodies=bodies)
    yield made
    for consumer in made.started:
        if consumer.process.poll() is None:
            consumer.signal(signal.SIGCONT)
        stop(consumer.process)


def check_all_is_stored_once(stream: SharedStream) -> None:
    wait_until(lambda: len(set(stream.results())) >= stream.sent)
    ids = stream.ids()
    assert len(ids) == stream.sent
    assert {prediction.id for prediction in stream.store.latest(1_000_000)} == ids.keys()
    assert stream.stored() == stream.sent
    assert set(stream.results()) == ids.keys()


def test_consumers_join_and_leave_under_load_and_every_record_has_one_result(stream):
    a = stream.join()
    with stream.load():
        wait_until(lambda: a.held() == 8)
        b = stream.join()
        wait_until(lambda: (a.held(), b.held()) == (4, 4))
        c = stream.join()
        wait_until(lambda: sorted([a.held(), b.held(), c.held()]) == [2, 3, 3])
        a.signal(signal.SIGTERM)
        assert a.process.wait(WAIT_SECONDS) == 0
        assert {lease.owner for lease in stream.leases.leases(f"{stream.name}-predictions").values()}.isdisjoint({"c0"})
        wait_until(lambda: (b.held(), c.held()) == (4, 4))
    check_all_is_stored_once(stream)
    assert len(stream.results()) == stream.sent, "no record has results of two consumers"
    assert b.metric("consumer_leases_lost_total") == c.metric("consumer_leases_lost_total") == 0


def test_when_one_of_two_is_killed_the_other_takes_over_and_nothing_is_lost_or_stored_twice(stream):
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    with stream.load():
        wait_until(lambda: stream.stored() > 200)
        b.process.kill()
        killed_at = time.monotonic()
        wait_until(lambda: a.held() == 8)
        print(f"taken over {time.monotonic() - killed_at:.2f} s after the kill, with leases of {LEASE_SECONDS} s")
        wait_until(lambda: a.metric("consumer_unassigned_shards") == 0)
        assert a.metric("consumer_live_consumers") == 1
    check_all_is_stored_once(stream)


def test_a_consumer_paused_past_its_lease_moves_nothing_back_and_comes_to_a_share_again(stream):
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    with stream.load():
        wait_until(lambda: stream.stored() > 200)
        b.signal(signal.SIGSTOP)
        wait_until(lambda: a.held() == 8)
        sent_by_then = stream.sent  # and not of now: on a busy machine the load is always some hundred ahead
        wait_until(lambda: len(set(stream.results())) >= sent_by_then)
        before = stream.leases.leases(f"{stream.name}-predictions")
        b.signal(signal.SIGCONT)
        wait_until(lambda: (a.held(), b.held()) == (4, 4))
    after = stream.leases.leases(f"{stream.name}-predictions")
    check_all_is_stored_once(stream)
    assert b.metric("consumer_leases_lost_total") >= 4
    for shard, lease in before.items():
        assert int(lease.position["sequence_number"]) <= int(after[shard].position["sequence_number"])


def test_two_consumers_follow_a_reshard(stream):
    """On ministack only: moto puts the records of a shard that is split once more, on its children."""
    a, b = stream.join(), stream.join()
    wait_until(lambda: (a.held(), b.held()) == (4, 4))
    stream.put(300)
    wait_until(lambda: len(stream.results()) == 300)
    stream.ids()  # ministack forgets the records of a shard that is split or merged
    client = boto3.client("kinesis", endpoint_url=stream.aws_url, region_name=REGION)
    name, (first, second, third, *_) = f"{stream.name}-predictions", [f"shardId-{at:012d}" for at in range(8)]
    client.split_shard(StreamName=name, ShardToSplit=first, NewStartingHashKey=str(2**128 // 32))
    client.merge_shards(StreamName=name, ShardToMerge=second, AdjacentShardToMerge=third)
    stream.put(300)
    check_all_is_stored_once(stream)

    def owners() -> list[str | None]:
        leases = stream.leases.leases(name)
        return [
            leases[shard].owner if shard in leases else None for shard in (f"shardId-{at:012d}" for at in range(11))
        ]

    # Three of eight are closed, and three are new.
    wait_until(lambda: owners()[:3] == [None] * 3 and sorted(owners()[3:]) == ["c0"] * 4 + ["c1"] * 4)


def test_a_second_consumer_of_one_name_ends_the_first_with_the_reason(stream):
    first = stream.join()
    wait_until(lambda: first.held() == 8)
    second = stream.join("c0")
    assert first.process.wait(WAIT_SECONDS) == 1
    assert "CONSUMER_NAME" in first.log.read_text()
    wait_until(lambda: second.held() == 8)
