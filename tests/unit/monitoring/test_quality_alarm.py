"""The alarm on quality: how labels are cut into blocks, what raises it, what does not, and a restart."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from monitoring.alarms.alarms import Alarms, AlarmStores
from monitoring.alarms.labels import BLOCK_MAX_ROWS
from tabular.quality.alarm.loss_grid import GRID
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.memory.ledger import MemoryLedger
from tests.unit.monitoring.labelled import DELAY, labelled
from tests.unit.monitoring.surroundings import RUN, START, TABLE, alarms_of

BLOCK = timedelta(seconds=300)
LATER = START + DELAY


@pytest.fixture
def loss_blocks():
    return MemoryBlocks()


@pytest.fixture
def alarms(store, loss_blocks):
    return alarms_of(store, loss_blocks=loss_blocks)


def test_labels_are_cut_into_blocks_by_when_they_came(alarms, loss_blocks, store, bundle):
    store.predictions = labelled(bundle, 700)
    assert "quality" not in alarms.check(RUN, bundle, START, LATER)
    assert alarms.check(RUN, bundle, START, LATER + timedelta(seconds=370))["quality"].blocks == 1
    found = alarms.check(RUN, bundle, START, LATER + timedelta(seconds=670))["quality"]
    first, second = loss_blocks.blocks(RUN, START)
    assert (first.until, second.since, second.until) == (LATER + BLOCK, LATER + BLOCK, LATER + 2 * BLOCK)
    assert (first.rows, first.read_rows, second.rows) == (300, 300, 300)
    assert sum(first.counts) == pytest.approx(300)
    assert sum(count * loss for count, loss in zip(first.counts, GRID, strict=True)) / 300 == pytest.approx(
        first.mean_loss
    )
    assert 0.5 < first.measures["roc_auc"] < 1
    assert found.figures["labelled_predictions"] == 600
    assert found.figures["mean_loss"] == second.mean_loss
    assert found.figures["reference_mean_loss"] < found.figures["highest_mean_loss"] < 1


def test_a_single_label_is_a_block_and_no_label_is_no_alarm(alarms, store, bundle):
    store.predictions = labelled(bundle, 2, every=timedelta(seconds=400))
    for seconds, blocks in ((370, 1), (670, 2), (970, 2)):
        assert alarms.check(RUN, bundle, START, LATER + timedelta(seconds=seconds))["quality"].blocks == blocks
    store.predictions = [msgspec.structs.replace(one, labelled_at=None, label=None) for one in store.predictions]
    assert {*alarms_of(store).check(RUN, bundle, START, LATER + timedelta(seconds=900))} == {"drift", "score"}


def test_labels_that_are_still_being_written_are_waited_for_however_short_a_block_is(store, loss_blocks, bundle):
    stores = AlarmStores(store, MemoryBlocks(), loss_blocks, MemoryLedger())
    alarms = Alarms(stores, TABLE, 1.0)
    store.predictions = labelled(bundle, 3, every=timedelta(seconds=0))
    assert "quality" not in alarms.check(RUN, bundle, LATER, LATER + timedelta(seconds=3.9))
    assert alarms.check(RUN, bundle, LATER, LATER + timedelta(seconds=4))["quality"].blocks == 1


def test_many_labels_of_one_file_are_sampled(alarms, loss_blocks, store, bundle):
    few = labelled(bundle, 1_000, every=timedelta(0))
    copies = BLOCK_MAX_ROWS // len(few) + 1
    store.predictions = [msgspec.structs.replace(one, id=f"{at} {one.id}") for at in range(copies) for one in few]
    alarms.check(RUN, bundle, START, LATER + timedelta(seconds=400))
    (block,) = loss_blocks.blocks(RUN, START)
    assert block.rows == pytest.approx(copies * len(few), rel=0.01)
    assert block.read_rows <= BLOCK_MAX_ROWS


def test_flipped_outcomes_raise_the_alarm_on_quality_alone(alarms, store, bundle):
    """The inputs are alike, so that nothing else can see it: concept drift."""
    steady = labelled(bundle, 6_000)
    store.predictions = steady
    found = alarms.check(RUN, bundle, START, LATER + timedelta(seconds=6_100))
    assert found["quality"].raised_at is None
    assert found["quality"].evidence < 0.1
    begin = START + timedelta(seconds=6_000)
    store.predictions = labelled(bundle, 6_000, begin=begin, seed=1, flipped=0.1) + steady
    for _ in range(3):
        found = alarms.check(RUN, bundle, START, begin + DELAY + timedelta(seconds=6_100))
    raised = found["quality"].raised_at
    assert raised is not None
    assert (begin + DELAY).timestamp() < raised <= (begin + DELAY).timestamp() + 3_000
    assert (found["drift"].raised_at, found["score"].raised_at) == (None, None)


def test_labels_nobody_can_read_make_no_block(alarms, loss_blocks, store, bundle):
    store.predictions = [msgspec.structs.replace(one, label="neither") for one in labelled(bundle, 300)]
    alarms.check(RUN, bundle, START, LATER + timedelta(seconds=400))
    assert not loss_blocks.saved


def test_a_monitor_that_is_started_again_goes_on_where_it_was(alarms, loss_blocks, store, bundle):
    store.predictions = labelled(bundle, 3_000, flipped=0.1)
    moments = [LATER + timedelta(seconds=at) for at in (1_300, 3_100)]
    alarms.check(RUN, bundle, START, moments[0])
    again = alarms_of(store, loss_blocks=loss_blocks).check(RUN, bundle, LATER + 8 * BLOCK, moments[1])["quality"]
    assert again == alarms.check(RUN, bundle, START, moments[1])["quality"]
    assert again.blocks == 1 + 6  # the first is all that had come when it was looked at first


def test_the_blocks_of_another_bundle_are_not_added(alarms, loss_blocks, store, bundle):
    store.predictions = labelled(bundle, 700)
    now = LATER + timedelta(seconds=400)
    alarms.check(RUN, bundle, START, now)
    ((key, block),) = loss_blocks.saved.items()
    loss_blocks.saved[key] = msgspec.structs.replace(block, bundle="another")
    assert "quality" not in alarms_of(store, loss_blocks=loss_blocks).check(RUN, bundle, now, now)
