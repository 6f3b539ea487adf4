"""One commit for what comes together, and nobody gets a response before it. With a real outbox on disk."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from server.outbox import group_commit
from server.outbox.group_commit import GroupCommit
from server.outbox.queue import Outbox
from tabular.errors import Unavailable
from tests.unit.server.outbox_writing import prediction


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture
def outbox(folder):
    return Outbox(folder, 10_000_000, "normal")


def predictions(count):
    return [prediction(f"p{number}") for number in range(count)]


def entries(outbox):
    return [entry.predictions for entry in outbox.oldest(1_000)]


def written_together(outbox, count):
    async def run():
        group = GroupCommit(outbox)
        written = [group.append(each) for each in predictions(count)]
        return await asyncio.gather(*written, return_exceptions=True)

    return asyncio.run(run())


def test_what_comes_in_one_turn_is_one_entry(outbox):
    assert written_together(outbox, 5) == [None] * 5
    assert entries(outbox) == [5]


def test_a_crowd_is_written_in_entries_of_a_bounded_size(outbox):
    assert written_together(outbox, 2 * group_commit.MAX_PREDICTIONS + 3) == [None] * (
        2 * group_commit.MAX_PREDICTIONS + 3
    )
    assert entries(outbox) == [group_commit.MAX_PREDICTIONS, group_commit.MAX_PREDICTIONS, 3]


def test_turns_that_follow_each_other_are_entries_of_their_own(outbox):
    async def run():
        group = GroupCommit(outbox)
        for each in predictions(3):
            await group.append(each)

    asyncio.run(run())
    assert entries(outbox) == [1, 1, 1]


def test_where_it_cannot_be_written_each_request_gets_an_error_of_its_own(outbox, folder):
    async def run():
        group = GroupCommit(outbox)
        shutil.rmtree(folder)
        folder.write_text("no folder any more")
        outbox.close()
        written = [group.append(each) for each in predictions(4)]
        return await asyncio.gather(*written, return_exceptions=True)

    found = asyncio.run(run())
    assert [type(each) for each in found] == [Unavailable] * 4
    assert len({id(each) for each in found}) == 4
