"""Many connections, many requests on one, slow clients: others are served, and little memory is held for any."""

from __future__ import annotations

import pytest

# Silent connections are held for longer than other clients wait for a response.
SCALES = {
    "flood": 0.2,
    "labels": 0.1,
    "pipelined": 0.3,
    "pipelined-unread": 0.3,
    "readers": 0.3,
    "readers-empty": 0.3,
    "silent": 0.6,
    "silent-same": 0.6,
}


@pytest.mark.parametrize("name", SCALES)
def test_it_stays_within_its_bounds(attack, name):
    faults = attack(name, SCALES[name]).faults
    assert not faults


def test_slow_heads_bodies_and_readers_are_ended_after_the_stated_time(under_attack):
    with under_attack() as attack:
        faults = attack("trickle", 0.2).faults
    assert not faults
