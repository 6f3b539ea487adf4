"""Many connections, many requests on one, and many distinct names in them: others are served, and little is held."""

from __future__ import annotations

import pytest

# Silent connections are held for longer than a bystander waits for an answer.
SCALES = {"flood": 0.2, "labels": 0.1, "pipelined": 0.3, "pipelined-unread": 0.3, "silent": 0.6, "silent-same": 0.6}


@pytest.mark.parametrize("name", SCALES)
def test_it_stays_within_its_bounds(attack, name):
    faults = attack(name, SCALES[name]).faults
    assert not faults
