"""A new client goes to the worker that has the fewest."""

from __future__ import annotations

import mmap
import os

from server.seats import Seat


def seats(count):
    shared = memoryview(mmap.mmap(-1, 64)).cast("i")
    return [Seat(shared, number) for number in range(count)]


def test_who_has_fewest_is_known_to_all():
    first, second, third = seats(3)
    first.sit(2)
    assert first.has_fewest  # nobody else is there yet
    second.sit(1)
    third.sit(1)
    assert [seat.has_fewest for seat in (first, second, third)] == [False, True, True]


def test_one_that_has_risen_does_not_count():
    first, second = seats(2)
    first.sit(5)
    second.sit(0)
    assert not first.has_fewest
    second.rise()
    assert first.has_fewest


def test_it_is_known_across_processes():
    first, second = seats(2)
    first.sit(1)
    if (child := os.fork()) == 0:
        second.sit(0)
        os._exit(0)
    os.waitpid(child, 0)
    assert not first.has_fewest


def test_there_are_seats_for_however_many_workers_have_been():
    shared = memoryview(mmap.mmap(-1, 64)).cast("i")
    late = Seat(shared, 1_000)
    late.sit(3)
    assert late.has_fewest
