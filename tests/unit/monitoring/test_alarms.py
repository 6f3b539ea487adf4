"""Alarms: how predictions are cut into blocks, what raises an alarm, and that a restart changes nothing."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from monitoring.alarms.alarms import MAX_BLOCKS_A_CHECK
from monitoring.alarms.predictions import BLOCK_MIN_ROWS
from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from tabular.errors import Unavailable
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE
from tests.adapters.memory.blocks import MemoryBlocks
from tests.unit.monitoring.surroundings import RUN, START, TABLE, alarms_of, predict, samples

BLOCK = timedelta(seconds=300)


@pytest.fixture
def blocks():
    return MemoryBlocks()


@pytest.fixture
def alarms(store, blocks):
    return alarms_of(store, blocks)


def traffic(bundle, rows, *, begin=START, seed=0, change=lambda frame: frame, every=timedelta(seconds=1)):
    """Predictions of rows drawn from the reference, one after the other, newest first."""
    frame = change(bundle.reference().sample(rows, replace=True, random_state=seed).reset_index(drop=True))
    made = predict(bundle, frame)
    return [msgspec.structs.replace(one, id=f"{seed} {at}", made_at=begin + at * every) for at, one in enumerate(made)][
        ::-1
    ]


def halve_limits(frame):
    return frame.assign(credit_limit=frame["credit_limit"] / 2)


def test_each_span_of_time_is_a_block_once_it_is_over_and_late_ones_have_come(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, 700)
    alarms.check(RUN, bundle, START, START + timedelta(seconds=359))
    assert not blocks.saved
    assert alarms.check(RUN, bundle, START, START + timedelta(seconds=360))["drift"].blocks == 1
    assert alarms.check(RUN, bundle, START, START + timedelta(seconds=670))["drift"].blocks == 2
    first, second = blocks.blocks(RUN, START)
    assert (first.since, first.until, second.until) == (START, START + BLOCK, START + 2 * BLOCK)
    assert (first.rows, first.read_rows, second.rows) == (300, 300, 300)
    assert 0 < first.mean_score < 1


def test_a_block_says_which_input_moved_most_and_how_far_and_what_quality_its_scores_let_expect(
    alarms, blocks, store, bundle
):
    steady = traffic(bundle, 600)
    later = START + timedelta(seconds=600)
    store.predictions = traffic(bundle, 600, begin=later, seed=1, change=halve_limits) + steady
    alarms.check(RUN, bundle, START, later + timedelta(seconds=700))
    calm, _, shifted, _ = blocks.blocks(RUN, START)
    assert shifted.feature == "credit_limit"
    assert calm.distance < 0.15 < shifted.distance <= 1
    assert 0.5 < calm.estimates["roc_auc"] < 1
    assert calm.estimates["log_loss"] > 0


def test_few_predictions_wait_until_they_are_enough(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, BLOCK_MIN_ROWS, every=timedelta(seconds=60))
    hours = [START + timedelta(hours=at) for at in range(1, 4)]
    assert [alarms.check(RUN, bundle, START, at)["drift"].blocks for at in hours] == [0, 1, 1]
    (block,) = blocks.blocks(RUN, START)
    assert (block.rows, block.until) == (BLOCK_MIN_ROWS, START + timedelta(hours=1, minutes=55))


def test_a_large_block_is_sampled(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, 3_000, every=timedelta(milliseconds=50))
    alarms.check(RUN, bundle, START, START + timedelta(seconds=400))
    (block,) = blocks.blocks(RUN, START)
    assert block.rows == pytest.approx(3_000, rel=0.01)
    assert block.read_rows <= 1_000


def test_steady_traffic_raises_no_alarm_and_a_shift_raises_the_one_that_names_it(alarms, store, bundle):
    steady = traffic(bundle, 6_000)
    store.predictions = steady
    end = START + timedelta(seconds=6_100)
    found = alarms.check(RUN, bundle, START, end)
    assert found["drift"].blocks == 20
    assert all(alarm.raised_at is None and alarm.evidence < 0.1 for alarm in found.values())
    later = START + timedelta(seconds=6_000)
    store.predictions = traffic(bundle, 3_000, begin=later, seed=1, change=halve_limits) + steady
    found = alarms.check(RUN, bundle, START, later + timedelta(seconds=3_100))
    drift = found["drift"]
    assert drift.raised_at is not None
    assert later.timestamp() < drift.raised_at <= later.timestamp() + 1_500
    assert max(drift.by_feature, key=drift.by_feature.__getitem__) == "credit_limit"


def test_another_mix_of_predicted_classes_raises_the_alarm_on_what_is_predicted(alarms, store, multiclass_bundle):
    steady = traffic(multiclass_bundle, 3_000)
    store.predictions = [msgspec.structs.replace(one, predicted_class="mid") for one in steady]
    found = alarms.check(RUN, multiclass_bundle, START, START + timedelta(seconds=3_100))
    assert (found["drift"].raised_at, found["score"].raised_at is None) == (None, False)
    assert found["score"].by_feature[REFERENCE_CLASS] > found["score"].by_feature[REFERENCE_SCORE]


def test_a_monitor_that_is_started_again_goes_on_where_it_was(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, 3_000, change=halve_limits)
    moments = [START + timedelta(seconds=at) for at in (1_300, 3_100)]
    alarms.check(RUN, bundle, START, moments[0])
    again = alarms_of(store, blocks).check(RUN, bundle, moments[0], moments[1])
    assert again == alarms.check(RUN, bundle, START, moments[1])
    assert again["drift"].raised_at is not None


def test_the_blocks_of_another_bundle_are_not_added(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, 700)
    alarms.check(RUN, bundle, START, START + timedelta(seconds=400))
    ((key, block),) = blocks.saved.items()
    blocks.saved[key] = msgspec.structs.replace(block, bundle="another")
    now = START + timedelta(seconds=400)
    assert alarms_of(store, blocks).check(RUN, bundle, START + 2 * BLOCK, now)["drift"].blocks == 0


def test_after_an_outage_it_catches_up_step_by_step(alarms, store, bundle):
    store.predictions = traffic(bundle, 3_000, every=timedelta(seconds=3))
    now = START + timedelta(seconds=9_200)
    counts = [alarms.check(RUN, bundle, START, now)["drift"].blocks for _ in range(3)]
    assert counts == [MAX_BLOCKS_A_CHECK, 30, 30]


def test_a_block_that_cannot_be_stored_is_not_counted_either(alarms, blocks, store, bundle):
    store.predictions = traffic(bundle, 700)
    now = START + timedelta(seconds=400)
    assert alarms.check(RUN, bundle, START, START)["drift"].blocks == 0
    blocks.is_down = True
    with pytest.raises(Unavailable):
        alarms.check(RUN, bundle, START, now)
    blocks.is_down = False
    assert alarms.check(RUN, bundle, START, now)["drift"].blocks == 1


def test_the_page_shows_the_alarms_and_survives_a_failure_of_theirs(store, cache, blocks, bundle):
    store.predictions = traffic(bundle, 3_000, change=halve_limits)
    monitor = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store, blocks))], window_rows=3_000, min_rows=300)
    monitor.check()
    found = samples(monitor)
    assert found["monitor_alarm{drift}"] == 1
    assert found["monitor_alarm_evidence{drift}"] >= 1
    assert found["monitor_alarm_start_timestamp_seconds{drift}"] > START.timestamp()
    assert found["monitor_alarm_feature_evidence{credit_limit}"] > found["monitor_alarm_feature_evidence{gender}"]
    blocks.is_down = True
    again = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store, blocks))], window_rows=3_000, min_rows=300)
    again.check()
    found = samples(again)
    assert (found["monitor_errors_total{alarm}"], found["monitor_drift_known"]) == (1, 1)
    assert "monitor_alarm{drift}" not in found
