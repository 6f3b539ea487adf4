"""Clients that read a few bytes a second: others do not wait for them, and little is held for them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("name", ["readers", "readers-empty"])
def test_others_do_not_wait_for_slow_readers(attack, name):
    faults = attack(name, 0.3).faults
    assert not faults
