"""Blocks become a bounded number of points, each read once, whatever order and number they come in."""

from __future__ import annotations

import pytest

from reporting.front_page.health import MAX_TIMES, HealthTimeline
from reporting.front_page.health_reader import BATCH, OVERLAP, HealthReader
from reporting.front_page.paced import Paced
from tabular.errors import Unavailable
from tests.adapters.memory.blocks import MemoryBlocks
from tests.unit.reporting.front_page.story import BEGIN, FIRST, FIVE_MINUTES, SECOND, TABLE, block, loss_block


def timeline_of(blocks):
    timeline = HealthTimeline()
    for one in blocks:
        timeline.add(one)
    return timeline


def test_a_few_blocks_stay_as_they_are_in_order_of_time():
    points = timeline_of([block(2), block(0), block(1, SECOND)]).points
    assert [(point.since, point.run_id, point.rows) for point in points] == [
        (BEGIN, FIRST, block(0).rows),
        (BEGIN + FIVE_MINUTES, SECOND, block(1).rows),
        (BEGIN + 2 * FIVE_MINUTES, FIRST, block(2).rows),
    ]
    assert points[0].mean_score == pytest.approx(block(0).mean_score)
    assert points[0].estimates == pytest.approx(block(0).estimates)
    assert points[0].rows_a_minute == block(0).rows / 5


@pytest.mark.parametrize("blocks", [151, 5_000])
def test_a_long_history_is_a_bounded_number_of_points_that_hold_every_row(blocks):
    written = [block(at, rows=1 + at % 7, mean_score=at / blocks) for at in range(blocks)]
    points = timeline_of(written).points
    assert MAX_TIMES / 2 <= len(points) <= MAX_TIMES
    assert sum(point.rows for point in points) == sum(one.rows for one in written)
    assert (points[0].since, points[-1].until) == (BEGIN, written[-1].until)
    mean = sum(point.mean_score * point.rows for point in points) / sum(point.rows for point in points)
    assert mean == pytest.approx(sum(one.mean_score * one.rows for one in written) / sum(one.rows for one in written))


def test_the_order_in_which_blocks_come_changes_nothing():
    blocks = [block(at, FIRST if at % 2 else SECOND) for at in range(700)]
    there, back = timeline_of(blocks).points, timeline_of(reversed(blocks)).points
    assert [(one.since, one.until, one.run_id, one.rows, one.distance) for one in there] == [
        (one.since, one.until, one.run_id, one.rows, one.distance) for one in back
    ]
    assert [one.mean_score for one in there] == pytest.approx([one.mean_score for one in back])


def test_of_added_blocks_the_furthest_moved_input_is_kept_and_what_is_unknown_stays_unknown():
    many = [block(at, distance=None, feature=None, mean_score=None, estimates={}) for at in range(300)]
    many[17] = block(17, distance=0.4, feature="age", mean_score=0.5)
    points = timeline_of(many).points
    assert [(one.distance, one.feature) for one in points if one.distance is not None] == [(0.4, "age")]
    assert [one.mean_score for one in points if one.mean_score is not None] == [0.5]
    assert sum(bool(one.estimates) for one in points) == 1


def test_labels_are_added_by_their_number():
    points = timeline_of([loss_block(0, rows=1, mean_loss=0.9), *(loss_block(at) for at in range(1, 400))]).points
    assert sum(point.labels for point in points) == 1 + 399 * 100
    assert points[0].mean_loss < 0.2
    assert 0.6 < points[0].measures["roc_auc"] < 0.9


@pytest.fixture
def store():
    return MemoryBlocks()


def test_all_blocks_are_read_once_in_batches_and_then_those_that_are_new(store):
    timeline = HealthTimeline()
    reader = HealthReader(store, TABLE, timeline)
    for at in range(2 * BATCH + 5):
        store.save(block(at, rows=1))
    reader.read()
    assert sum(point.rows for point in timeline.points) == 2 * BATCH + 5
    store.save(block(2 * BATCH + 5, rows=1))
    late = OVERLAP // FIVE_MINUTES - 2
    store.save(block(2 * BATCH + 5 - late, SECOND, rows=1))
    store.save(block(9, table="rides", run_id="x", rows=1))
    for _ in range(3):
        reader.read()
    assert sum(point.rows for point in timeline.points) == 2 * BATCH + 7


def test_a_store_that_was_down_is_read_on_from_where_it_was(store):
    timeline = HealthTimeline()
    reader = HealthReader(store, TABLE, timeline)
    store.save(block(0))
    reader.read()
    store.is_down = True
    with pytest.raises(Unavailable):
        reader.read()
    store.is_down = False
    store.save(block(1))
    reader.read()
    assert len(timeline.points) == 2


def test_what_takes_two_seconds_to_read_is_read_again_after_a_hundred():
    now, reads = [0.0], []

    def read():
        now[0] += 2.0
        reads.append(now[0])
        return len(reads)

    value = Paced(read, lambda: now[0])
    assert value.get() == 1
    now[0] += 99.9
    assert value.get() == 1
    now[0] += 0.2
    assert value.get() == 2


def test_a_reading_that_fails_is_tried_again_at_once():
    answers = iter([Unavailable("the store", "down"), 7])

    def read():
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    value = Paced(read)
    with pytest.raises(Unavailable):
        value.get()
    assert value.get() == 7
