"""The monitor's looks when something is down, slow or makes no sense: it is told, and ends nothing."""

from __future__ import annotations

import shutil
import time

import msgspec

from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from tabular.errors import Unavailable
from tabular.model.bundle_cache import BundleCache
from tests.adapters.memory.bundles import FolderBundles
from tests.unit.monitoring.surroundings import RUN, TABLE, alarms_of, predict, samples


def test_predictions_that_came_after_the_first_look_are_counted_soon_though_the_registry_is_slow(store, cache, bundle):
    monitor = Monitor(
        store,
        [MonitoredTable(TABLE, cache, alarms_of(store), lambda: time.sleep(1))],
        window_rows=1_000,
        min_rows=300,
    )
    monitor.check()
    store.predictions = predict(bundle, bundle.reference().head(3))
    deadline = time.monotonic() + 10
    while not samples(monitor).get("monitor_predictions_stored_total{api}") and time.monotonic() < deadline:
        monitor.check()
    assert samples(monitor)["monitor_predictions_stored_total{api}"] == 3


def test_a_store_too_large_to_be_counted_is_watched_all_the_same(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    store.is_too_large_to_count = True
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_store_up"], found["monitor_drift_known"], found["monitor_errors_total{count}"]) == (1, 1, 1)
    assert not any(name.startswith("monitor_predictions_stored") for name in found)


def test_a_store_that_is_down_is_told_and_the_last_drift_stays(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.check()
    store.is_down = True
    for _ in range(3):
        monitor.check()
    found = samples(monitor)
    assert (found["monitor_store_up"], found["monitor_drift_known"], found["monitor_errors_total{store}"]) == (0, 1, 3)
    store.is_down = False
    monitor.check()
    assert samples(monitor)["monitor_store_up"] == 1


def test_a_run_whose_bundle_cannot_be_had_shows_its_window_and_no_drift(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400), "b" * 32)
    monitor.check()
    found = samples(monitor, "b" * 32)
    assert (found["monitor_model_up"], found["monitor_drift_known"], found["monitor_errors_total{model}"]) == (0, 0, 1)
    assert (found["monitor_window_rows"], found["monitor_window_missing_values{gender}"]) == (400, 0)
    assert not any(name.startswith("monitor_run_info") for name in found)


def test_a_registry_that_comes_back_is_tried_again_without_new_predictions(store, bundle, tmp_path):
    cache = BundleCache(FolderBundles(is_down=True), tmp_path, "churn")
    monitor = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store))], window_rows=1_000, min_rows=300)
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.check()
    assert samples(monitor)["monitor_model_up"] == 0
    shutil.copytree(bundle.folder, tmp_path / RUN)
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_model_up"], found["monitor_drift_known"]) == (1, 1)


def test_a_document_that_makes_no_sense_is_survived(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    odd = {**good[0].row, "credit_limit": "a lot", "gender": 7, "months_on_book": None}
    store.predictions = [msgspec.structs.replace(good[0], row=odd), *good[1:]]
    monitor.check()
    assert samples(monitor)["monitor_drift_known"] == 1
    store.predictions = [msgspec.structs.replace(good[1], id="new", score="high"), *good[1:]]
    monitor.check()
    assert monitor.errors
    store.predictions = good
    monitor.check()
    assert samples(monitor)["monitor_drift_known"] == 1


def test_the_age_of_the_last_training_is_shown_and_a_registry_that_is_away_harms_nothing(store, cache):
    known = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store), lambda: 1_000.0)], 1_000, 300)
    known.check()
    assert samples(known)["monitor_last_training_timestamp_seconds"] == 1_000

    def away() -> float:
        raise Unavailable("MLflow", "it does not answer")

    unknown = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store), away)], 1_000, 300)
    unknown.check()
    found = samples(unknown)
    assert found["monitor_store_up"] == 1
    assert "monitor_last_training_timestamp_seconds" not in found
