"""Large bodies that are rejected, responses larger than their request, odd framing: none costs more than it sent."""

from __future__ import annotations

import pytest

SCALES = {
    "wrong-type": 0.1,
    "not-json": 0.1,
    "empty-rows": 0.3,
    "empty-lines": 0.3,
    "unknown-keys": 0.3,
    "unknown-keys-row": 0.3,
    "unknown-keys-rows": 0.3,
    "chunks": 1.0,
    "expect": 0.1,
}


@pytest.mark.parametrize("name", SCALES)
def test_it_stays_within_its_bounds(attack, name):
    faults = attack(name, SCALES[name]).faults
    assert not faults


def test_bodies_without_the_key_stay_within_their_bounds(under_attack):
    with under_attack(API_KEY="k" * 32) as attack:
        faults = attack("no-key", 0.1).faults
    assert not faults
