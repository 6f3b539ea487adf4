"""The monitor beside runs that answer at once, predictions dated ahead, and documents that are no predictions."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from monitoring.monitor import Monitor
from monitoring.table_monitor import MAX_RUNS, MonitoredTable
from tabular.model.bundle_cache import BundleCache
from tests.adapters.memory.bundles import FolderBundles
from tests.unit.monitoring.surroundings import RUN, TABLE, alarms_of, predict, runs_told, samples

OTHER = "b" * 32


@pytest.fixture
def other(make_bundle, contract, tmp_path):
    return make_bundle(contract, tmp_path / OTHER, seed=1)


def interleaved(*lists):
    return sorted((one for found in lists for one in found), key=lambda one: one.made_at, reverse=True)


def shifted(frame):
    return frame.assign(credit_limit=frame["credit_limit"] / 2)


def test_two_runs_that_answer_at_once_are_each_compared_with_their_own_reference(monitor, store, bundle, other):
    moved, steady = (
        predict(bundle, shifted(bundle.reference().head(400))),
        predict(other, other.reference().head(400), OTHER),
    )
    for newest in (moved, steady, moved):
        late = msgspec.structs.replace(newest[0], id=f"late{len(store.predictions)}", made_at=datetime.now(UTC))
        store.predictions = [late, *interleaved(moved, steady)]
        monitor.check()
        here, there = samples(monitor), samples(monitor, OTHER)
        assert (here["monitor_dataset_drift"], there["monitor_dataset_drift"]) == (1, 0), (
            "whoever was the last to answer"
        )
        assert (here["monitor_window_rows"] + there["monitor_window_rows"], here["monitor_runs"]) == (801, 2)
        assert f"monitor_run_info{{{other.digest[:12]}}}" in there


def test_a_run_that_answers_no_more_leaves_nothing_behind(monitor, store, bundle, other):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.check()
    store.predictions = predict(other, other.reference().sample(1_000, replace=True), OTHER)
    monitor.check()
    assert runs_told(monitor) == {OTHER}


def test_a_run_that_cannot_be_compared_does_not_hide_the_other(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    strange = [msgspec.structs.replace(one, run_id=OTHER, id=f"x{one.id}") for one in good[:5]]
    store.predictions = [*strange, *good]
    monitor.check()
    assert (samples(monitor)["monitor_drift_known"], samples(monitor)["monitor_model_up"]) == (1, 1)
    assert (samples(monitor, OTHER)["monitor_model_up"], samples(monitor, OTHER)["monitor_window_rows"]) == (0, 5)


def test_only_so_many_runs_are_watched_those_that_answered_most(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    strange = [msgspec.structs.replace(one, run_id=f"{at:032x}", id=f"x{at}") for at, one in enumerate(good[:50])]
    store.predictions = [*strange, *good]
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_drift_known"], found["monitor_runs"], found["monitor_runs_not_monitored"]) == (
        1,
        MAX_RUNS,
        51 - MAX_RUNS,
    )
    assert len(runs_told(monitor)) == MAX_RUNS


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30_000)])
def test_a_prediction_dated_ahead_is_counted_and_hides_nothing_that_follows(monitor, store, bundle, ahead):
    good = predict(bundle, bundle.reference().head(400))
    early = msgspec.structs.replace(good[0], id="early", made_at=datetime.now(UTC) + ahead)
    store.predictions = [early, *good]
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_future_predictions"], found["monitor_window_rows"], found["monitor_dataset_drift"]) == (
        1,
        400,
        0,
    )
    assert time.time() - found["monitor_last_prediction_timestamp_seconds"] > 3_600, "it is no sign of life"
    moved = predict(bundle, shifted(bundle.reference().head(400)))
    store.predictions = [early, *[msgspec.structs.replace(one, id=f"m{one.id}") for one in moved], *good]
    monitor.check()
    assert samples(monitor)["monitor_dataset_drift"] == 1


def test_a_clock_that_is_a_little_ahead_is_not_told(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    store.predictions = [msgspec.structs.replace(good[0], made_at=datetime.now(UTC) + timedelta(seconds=30)), *good[1:]]
    monitor.check()
    assert (samples(monitor)["monitor_future_predictions"], samples(monitor)["monitor_window_rows"]) == (0, 399)


def test_predictions_of_another_contract_are_left_out_counted_and_make_no_label(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    foreign = {"contract": "another", "row": {"x": 1}, "unknown": ("y",), "out_of_range": ("z",)}
    strange = [msgspec.structs.replace(one, id=f"x{one.id}", **foreign) for one in good[:200]]
    store.predictions = [*strange, *good]
    monitor.check()
    found = samples(monitor)
    assert (
        found["monitor_window_excluded_documents"],
        found["monitor_window_rows"],
        found["monitor_dataset_drift"],
    ) == (200, 400, 0)
    assert not [name for name in found if name.endswith(("{x}", "{y}", "{z}"))]


def test_a_run_of_nothing_but_another_contracts_predictions_is_no_crash(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    store.predictions = [msgspec.structs.replace(one, contract="another") for one in good]
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_window_excluded_documents"], found["monitor_window_rows"], found["monitor_drift_known"]) == (
        400,
        0,
        0,
    )
    assert monitor.errors == {}


@pytest.mark.parametrize(("reference_rows", "is_known"), [(99, 0), (150, 1)])
def test_a_reference_needs_a_hundred_rows(store, bundle, with_reference, tmp_path, reference_rows, is_known):
    small = with_reference(bundle, reference_rows)
    store.predictions = predict(small, bundle.reference().sample(400, replace=True))
    shutil.copytree(small.folder, tmp_path / "small" / RUN)
    cache = BundleCache(FolderBundles(is_down=True), tmp_path / "small", "churn")
    monitor = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store))], window_rows=1_000, min_rows=300)
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_drift_known"], found["monitor_window_rows"]) == (is_known, 400)
    assert (found["monitor_reference_rows"], found["monitor_min_rows"]) == (reference_rows, 300)


def test_documents_that_no_source_of_ours_wrote_are_counted_apart(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(300))
    store.count_by_source = lambda: {("churn", "api"): 300, ("", "unknown"): 7}
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_predictions_stored_total{api}"], found["monitor_foreign_documents"]) == (300, 7)
    assert "monitor_predictions_stored_total{unknown}" not in found
    assert RUN in runs_told(monitor)
