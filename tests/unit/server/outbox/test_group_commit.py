"""One commit for what comes together, and nobody is answered before it. With a real outbox on disk."""

from __future__ import annotations

import asyncio
import shutil
from time import perf_counter

import pytest

from server.api.metrics import ApiMetrics
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


def pages(outbox):
    return [page.predictions for page in outbox.oldest(1_000)]


def written_together(outbox, count):
    async def run():
        group = GroupCommit(outbox, ApiMetrics(outbox))
        written = [group.written(each, perf_counter()) for each in predictions(count)]
        return await asyncio.gather(*written, return_exceptions=True)

    return asyncio.run(run())


def test_what_comes_in_one_turn_is_one_page(outbox):
    assert written_together(outbox, 5) == [None] * 5
    assert pages(outbox) == [5]


def test_a_crowd_is_written_in_pages_of_a_bounded_size(outbox):
    assert written_together(outbox, 2 * group_commit.MOST + 3) == [None] * (2 * group_commit.MOST + 3)
    assert pages(outbox) == [group_commit.MOST, group_commit.MOST, 3]


def test_turns_that_follow_each_other_are_pages_of_their_own(outbox):
    async def run():
        group = GroupCommit(outbox, ApiMetrics(outbox))
        for each in predictions(3):
            await group.written(each, perf_counter())

    asyncio.run(run())
    assert pages(outbox) == [1, 1, 1]


def test_where_it_cannot_be_written_each_is_told_and_none_counts(outbox, folder):
    metrics = ApiMetrics(outbox)

    async def run():
        group = GroupCommit(outbox, metrics)
        shutil.rmtree(folder)
        folder.write_text("no folder any more")
        outbox.close()
        written = [group.written(each, perf_counter()) for each in predictions(4)]
        return await asyncio.gather(*written, return_exceptions=True)

    found = asyncio.run(run())
    assert [type(each) for each in found] == [Unavailable] * 4
    assert len({id(each) for each in found}) == 4
    assert b'api_rows_total{outcome="answered"} 0.0' in metrics.exposition()


def test_what_is_on_disk_is_answered_even_if_it_cannot_be_counted(outbox):
    class Broken:
        def rows(self, _predictions):
            raise OSError("the folder of the metrics is gone")

    async def run():
        group = GroupCommit(outbox, Broken())
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await asyncio.wait_for(group.written(predictions(1)[0], perf_counter()), 5)

    asyncio.run(run())
    assert pages(outbox) == [1]
