"""What holds of the leases whatever happens: joins, deaths and pauses at random."""

from __future__ import annotations

import random

import pytest

from server.stream.leases import Leases
from tests.unit.server.consumer_group import SHARDS, ConsumerGroup, at


def something_happens(group: ConsumerGroup, draw: random.Random, step: int) -> None:
    names, event = sorted(group.consumers), draw.random()
    if event < 0.03 and len(names) < 5:
        group.join(f"c{step}")
    elif event < 0.05 and len(names) > 1:
        group.consumers.pop(draw.choice(names))  # kill -9
    elif event < 0.07 and len(names) > 1:
        group.leave(draw.choice(names))
    elif event < 0.10:
        group.paused ^= {draw.choice(names)}


def one_batch(group: ConsumerGroup, draw: random.Random, consumer: Leases) -> tuple[dict[str, int], list[str]]:
    """How far each acquired shard was by the consumer's word, and those it could not move on by one."""
    if draw.random() < 0.7:
        consumer.heartbeat()
    saved = {shard: consumer.saved(shard) for shard in consumer.acquire(group.shards)}
    believed = {shard: int(position["sequence_number"]) if position else 0 for shard, position in saved.items()}
    if draw.random() < 0.5:
        group.now += draw.choice([0.1, 20.0])  # it is paused in the middle of its batch
        for other in group.consumers.values():
            other.heartbeat()
            other.acquire(group.shards)
    return believed, consumer.save({shard: at(number + 1) for shard, number in believed.items()})


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_no_position_ever_goes_back_and_no_shard_stays_without_an_owner(seed):
    """Joins, deaths and pauses at random; a sleeper stirs now and then, with what it believes."""
    draw, group = random.Random(seed), ConsumerGroup()
    group.join("c0")
    done = dict.fromkeys(SHARDS, 0)
    for step in range(200):
        group.now += draw.choice([0.1, 1.0, 1.0, 5.0])
        something_happens(group, draw, step)
        for name in draw.sample(sorted(group.consumers), len(group.consumers)):
            if name in group.paused and draw.random() < 0.9:
                continue
            believed, lost = one_batch(group, draw, group.consumers[name])
            for shard in believed.keys() - set(lost):
                assert believed[shard] == done[shard], "two consumers have moved one shard"
                done[shard] += 1
    group.paused.clear()
    group.pass_time(30)
    assert None not in group.owners()
    assert sum(group.held().values()) == len(SHARDS)
    assert max(group.held().values()) - min(group.held().values()) <= 1
