"""A stream in memory, for the tests of its reader."""

from __future__ import annotations

import pytest

from tests.adapters.memory.shards import MemoryStream


@pytest.fixture
def stream() -> MemoryStream:
    """One shard with 10 records, split into two with 10 each, one of which was merged with a lone one."""
    made = MemoryStream()
    made.add("root")
    made.add("lone")
    made.put("root", 10)
    made.put("lone", 10)
    made.add("left", "root")
    made.add("right", "root")
    made.put("left", 10)
    made.put("right", 10)
    made.add("merged", "right", "lone")
    made.put("merged", 10)
    return made
