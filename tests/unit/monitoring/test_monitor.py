"""The monitor's looks: what it computes, and when it need not."""

from __future__ import annotations

import shutil
import time

import msgspec
import pytest

from monitoring.exporter import build_monitor
from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from tabular.errors import InvalidSetting
from tabular.model.bundle_cache import BundleCache
from tabular.predictions.sampling import sampling_error
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring
from tests.adapters.memory.bundles import FolderBundles
from tests.unit.monitoring.surroundings import RUN, TABLE, alarms_of, predict, samples


def test_traffic_like_the_reference_shows_no_drift(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(800))
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_drift_known"], found["monitor_dataset_drift"], found["monitor_drifted_features"]) == (
        1,
        0,
        0,
    )
    assert found["monitor_prediction_drift"] == 0
    assert (found["monitor_window_rows"], found["monitor_min_rows"]) == (800, 300)
    assert found["monitor_predictions_stored_total{api}"] == 800
    assert (found["monitor_store_up"], found["monitor_model_up"]) == (1, 1)
    assert found[f"monitor_run_info{{{bundle.digest[:12]}}}"] == 1
    assert found["monitor_window_span_seconds"] == 799
    assert 0 <= found["monitor_score_quantile{0.05}"] <= found["monitor_score_quantile{0.95}"] <= 1
    assert 0 < found["monitor_last_report_timestamp_seconds"] < time.time()


def test_shifted_traffic_shows_which_column_drifted(monitor, store, bundle):
    frame = bundle.reference().head(800)
    frame["credit_limit"] /= 2
    frame.loc[:99, "gender"] = "another"
    frame.loc[:3, "customer_age"] = None
    store.predictions = predict(bundle, frame)
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_dataset_drift"], found["monitor_drifted_features"]) == (1, 2)
    assert found["monitor_drifted_features_ratio"] == pytest.approx(2 / 11)
    assert (found["monitor_feature_drifted{credit_limit}"], found["monitor_feature_drifted{months_on_book}"]) == (1, 0)
    assert found["monitor_feature_drift_distance{credit_limit,ks_distance}"] > 0.05
    assert found["monitor_feature_drift_p_value{credit_limit,ks}"] < 0.01
    assert (
        found["monitor_feature_drift_severity{credit_limit}"]
        > 1
        > found["monitor_feature_drift_severity{months_on_book}"]
    )
    assert found["monitor_window_unknown_categories{gender}"] == 100
    assert found["monitor_window_missing_values{customer_age}"] == 4
    assert found["monitor_window_missing_values{gender}"] == 0


def test_the_mix_of_predicted_classes_is_counted_and_compared(store, multiclass_bundle, tmp_path):
    shutil.copytree(multiclass_bundle.folder, tmp_path / RUN)
    bundles = BundleCache(FolderBundles(is_down=True), tmp_path, "tiny")
    table = MonitoredTable("tiny", bundles, alarms_of(store))
    monitor = Monitor(store, [table], window_rows=1_000, min_rows=300)
    steady = predict(multiclass_bundle, multiclass_bundle.reference().head(600))
    store.predictions = steady
    monitor.check()
    found = samples(monitor)
    assert found["monitor_predicted_class_drift"] == 0
    assert sum(found[f"monitor_window_predicted_classes{{{name}}}"] for name in ("low", "mid", "high")) == 600
    store.predictions = [msgspec.structs.replace(one, predicted_class="mid", id=f"b{one.id}") for one in steady]
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_predicted_class_drift"], found["monitor_prediction_drift"]) == (1, 0)
    assert found["monitor_predicted_class_drift_distance"] > 0.05
    assert found["monitor_predicted_class_drift_p_value"] < 0.01
    assert found["monitor_window_predicted_classes{mid}"] == 600
    assert found["monitor_window_predicted_classes{low}"] == 0


def test_values_out_of_the_training_range_are_counted(monitor, store, bundle):
    predictions = predict(bundle, bundle.reference().head(300))
    store.predictions = [msgspec.structs.replace(predictions[0], out_of_range=("customer_age",)), *predictions[1:]]
    monitor.check()
    assert samples(monitor)["monitor_window_out_of_range_values{customer_age}"] == 1


def test_a_window_larger_than_what_is_read_at_a_look_is_sampled_and_says_by_how_much_it_may_err(store, cache, bundle):
    frame = bundle.reference().head(1_600)
    frame["credit_limit"] /= 2
    frame.loc[::2, "customer_age"] = None
    store.predictions = predict(bundle, frame)
    store.unreadable = 3
    sampling = Monitor(
        store,
        [MonitoredTable(TABLE, cache, alarms_of(store))],
        window_rows=1_600,
        min_rows=100,
        sample_rows=400,
    )
    sampling.check()
    found = samples(sampling)
    assert (found["monitor_window_rows"], found["monitor_window_sampled_rows"]) == (1_600, 400)
    assert (
        found["monitor_window_missing_values{customer_age}"] == 1_600
    )  # every fourth row is read, all of them without
    assert found["monitor_window_sampling_error"] == pytest.approx(sampling_error(400))
    assert (found["monitor_drift_known"], found["monitor_feature_drifted{credit_limit}"]) == (1, 1)
    assert found["monitor_unreadable_documents_total"] == 3
    whole = Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store))], window_rows=1_600, min_rows=300)
    whole.check()
    assert (samples(whole)["monitor_window_sampled_rows"], samples(whole)["monitor_window_sampling_error"]) == (
        1_600,
        0,
    )


def test_a_sample_is_never_too_small_for_a_window_that_is_large_enough(store, cache, bundle):
    store.predictions = predict(bundle, bundle.reference().head(1_600))
    sampling = Monitor(
        store,
        [MonitoredTable(TABLE, cache, alarms_of(store))],
        window_rows=1_600,
        min_rows=300,
        sample_rows=300,
    )
    sampling.check()
    found = samples(sampling)
    assert (found["monitor_drift_known"], found["monitor_window_sampled_rows"] >= 300) == (1, True)


def test_a_window_that_can_never_be_large_enough_is_refused_by_name():
    with pytest.raises(InvalidSetting, match="MONITOR_WINDOW_ROWS=200 is less than MONITOR_MIN_ROWS=300"):
        build_monitor(Wiring(with_values(Settings(), monitor_window_rows=200)))


def test_a_small_window_is_told_and_not_judged(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(299))
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_window_rows"], found["monitor_drift_known"]) == (299, 0)
    assert "monitor_dataset_drift" not in found
    assert found["monitor_score_mean"] > 0


def test_an_empty_store_is_no_failure(monitor):
    monitor.check()
    found = samples(monitor)
    assert (found["monitor_store_up"], found["monitor_runs"]) == (1, 0)
    assert "monitor_drift_known" not in found
    assert monitor.errors == {}


def test_nothing_is_computed_again_before_a_new_prediction_comes(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.check()
    computed, reads = monitor.snapshot.runs[RUN].comparison, store.reads
    monitor.check()
    assert monitor.snapshot.runs[RUN].comparison is computed
    assert reads < store.reads <= reads + 2  # the newest prediction, and the newest label if it is time to
    store.predictions = predict(bundle, bundle.reference().head(401), RUN)[::-1]
    monitor.check()
    assert monitor.snapshot.runs[RUN].comparison.computed_at > computed.computed_at


def test_what_was_sent_makes_no_new_label(monitor, store, bundle):
    frame = bundle.reference().head(800)
    store.predictions = predict(bundle, frame)
    monitor.check()
    ordinary = set(samples(monitor))
    frame["gender"] = [f"another {at}" for at in range(800)]
    store.predictions = [
        msgspec.structs.replace(one, out_of_range=(f"x{at}",), unknown=(f"y{at}", "gender"))
        for at, one in enumerate(predict(bundle, frame))
    ]
    monitor.check()
    assert set(samples(monitor)) <= ordinary
