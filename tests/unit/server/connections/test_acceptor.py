"""The workers' counts of connections, in memory that they share."""

from __future__ import annotations

import mmap

from server.connections.acceptor import Share


def test_the_fewest_are_told_and_one_that_has_ended_counts_no_more():
    shared = memoryview(mmap.mmap(-1, 64)).cast("i")
    first, second = Share(shared, 0), Share(shared, 17)
    first.count(2)
    second.count(0)
    assert (first.has_fewest, second.has_fewest) == (False, True)
    second.end()
    second.count(0)  # its last connections leave
    assert first.has_fewest
