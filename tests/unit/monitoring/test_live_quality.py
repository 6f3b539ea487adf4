"""Measured quality on the page: of the newest labels, beside the held-out rows, by slice; no number where few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from monitoring.monitor import Monitor
from monitoring.quality import LiveQuality
from monitoring.table_monitor import MonitoredTable
from tabular.quality.labelled.measured import measured_quality
from tabular.quality.labelled.rows import held_out, labelled_rows
from tests.unit.monitoring.labelled import labelled
from tests.unit.monitoring.surroundings import RUN, START, TABLE, alarms_of, samples

NOW = START + timedelta(days=1)


def shown(store, cache, labelled_rows=5_000):
    monitor = Monitor(
        store,
        [MonitoredTable(TABLE, cache, alarms_of(store))],
        window_rows=1_000,
        min_rows=300,
        labelled_rows=labelled_rows,
    )
    monitor.check()
    return samples(monitor)


def test_the_page_shows_what_the_labels_give_beside_what_the_bundle_promises(store, cache, bundle):
    store.predictions = labelled(bundle, 800)
    found, contract = shown(store, cache), bundle.contract
    rows, reference = labelled_rows(store.predictions, contract), held_out(bundle.reference(), contract)
    assert (found["monitor_quality_labelled_predictions"], found["monitor_quality_known"]) == (800, 1)
    assert found["monitor_quality_unreadable_labels"] == 0
    for name, of in (("monitor_quality", rows), ("monitor_quality_reference", reference)):
        for metric, (value, (low, high)) in measured_quality(of, contract).measures.items():
            assert found[f"{name}{{{metric}}}"] == value
            assert (found[f"{name}_low{{{metric}}}"], found[f"{name}_high{{{metric}}}"]) == (low, high)
            assert low < value < high
    assert found["monitor_quality{roc_auc}"] == pytest.approx(found["monitor_quality_reference{roc_auc}"], abs=0.05)
    newest = store.predictions[0].labelled_at.timestamp()
    assert found["monitor_quality_newest_label_timestamp_seconds"] == newest


def test_each_slice_has_its_own_count_measure_and_reference(store, cache, bundle):
    store.predictions = labelled(bundle, 800)
    found = shown(store, cache)
    counts = {name: value for name, value in found.items() if name.startswith("monitor_quality_slice_labelled")}
    feature = bundle.contract.table.slice_features[0]
    of_feature = {name: value for name, value in counts.items() if f"{{{feature}," in name}
    assert sum(of_feature.values()) == 800
    value = max(of_feature, key=of_feature.__getitem__).partition("{")[2].rstrip("}")
    measured = f"{{{feature},roc_auc,{value.partition(',')[2]}}}"
    for name in ("slice", "slice_low", "slice_high", "slice_reference"):
        assert 0 < found[f"monitor_quality_{name}{measured}"] <= 1


def test_few_labels_are_counted_and_give_no_number(store, cache, bundle):
    some = labelled(bundle, 400)
    store.predictions = [
        msgspec.structs.replace(one, label=None, labelled_at=None) if at >= 29 else one for at, one in enumerate(some)
    ]
    found = shown(store, cache)
    assert (found["monitor_quality_labelled_predictions"], found["monitor_quality_known"]) == (29, 0)
    assert not [name for name in found if name.startswith(("monitor_quality{", "monitor_quality_low"))]
    assert "monitor_quality_reference{roc_auc}" in found


def test_without_a_label_nothing_is_said_of_quality(store, cache, bundle):
    unlabelled = [msgspec.structs.replace(one, label=None, labelled_at=None) for one in labelled(bundle, 400)]
    store.predictions = unlabelled
    assert not [name for name in shown(store, cache) if name.startswith("monitor_quality")]


def test_only_the_newest_labels_count(store, cache, bundle):
    old, new = labelled(bundle, 600, flipped=0.5), labelled(bundle, 600, begin=START + timedelta(hours=2), seed=1)
    store.predictions = new + old
    found = shown(store, cache, labelled_rows=600)
    assert found["monitor_quality_labelled_predictions"] == 600
    assert found["monitor_quality{roc_auc}"] == pytest.approx(found["monitor_quality_reference{roc_auc}"], abs=0.06)


def test_labels_that_are_no_class_are_counted(store, cache, bundle):
    some = labelled(bundle, 400)
    store.predictions = [*(msgspec.structs.replace(one, label="neither") for one in some[:7]), *some[7:]]
    found = shown(store, cache)
    assert (found["monitor_quality_labelled_predictions"], found["monitor_quality_unreadable_labels"]) == (393, 7)


def test_it_is_measured_again_only_when_there_are_new_labels(store, bundle):
    store.predictions = labelled(bundle, 400)
    live = LiveQuality(store, 5_000)
    first = live.check(RUN, bundle, NOW)
    reads = store.reads
    assert live.check(RUN, bundle, NOW) is first
    assert store.reads == reads + 1
    (newest, *others) = store.predictions
    corrected = msgspec.structs.replace(newest, labelled_at=newest.labelled_at + timedelta(seconds=1))
    store.predictions = [corrected, *others]
    assert live.check(RUN, bundle, NOW) is not first
    live.forget_all_but(set())
    store.predictions = []
    assert live.check(RUN, bundle, NOW) is None


def test_a_store_that_is_slow_to_read_labels_is_asked_rarely(store, bundle, monkeypatch):
    store.predictions = labelled(bundle, 400)
    live, clock = LiveQuality(store, 5_000), iter([0.0, 2.0, 50.0, 103.0])
    monkeypatch.setattr("monitoring.quality.time.monotonic", lambda: next(clock))
    live.check(RUN, bundle, NOW)
    assert [live.is_due, live.is_due] == [False, True]


def test_the_failure_of_a_measurement_is_told_and_ends_nothing(store, cache, bundle):
    store.predictions = labelled(bundle, 400)

    def fails(*_):
        raise ValueError("broken")

    store.labelled_latest = fails
    found = shown(store, cache)
    assert (found["monitor_errors_total{quality}"], found["monitor_drift_known"]) == (1, 1)
    assert datetime.now(UTC).timestamp() > found["monitor_last_check_timestamp_seconds"] > 0
