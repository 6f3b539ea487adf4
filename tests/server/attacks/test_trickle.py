"""Clients that send, or read, a byte every few seconds are ended."""

from __future__ import annotations


def test_slow_heads_bodies_and_readers_are_ended_after_the_stated_time(under_attack):
    with under_attack() as attack:
        faults = attack("trickle", 0.2).faults
    assert not faults
