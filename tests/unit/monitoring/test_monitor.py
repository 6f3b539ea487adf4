"""The monitor's looks: what it computes, when it need not, and that no failure ends it."""

from __future__ import annotations

import math
import shutil
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.metrics import MonitorCollector
from monitoring.monitor import Monitor
from server.predictor import Model
from tabular.bundle_cache import BundleCache
from tabular.errors import Unavailable
from tabular.row import RowCodec
from tabular.sample import Sample, sampling_error

RUN = "a" * 32
START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryStore:
    """The part of the port that the monitor reads, with a switch to be down."""

    def __init__(self) -> None:
        self.predictions = []
        self.is_down = False
        self.reads = 0
        self.counts = 0
        self.is_too_large_to_count = False
        self.unreadable = 0

    def _up(self) -> None:
        self.reads += 1
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")

    def latest(self, limit, run_id=None):
        self._up()
        return [found for found in self.predictions if run_id in (None, found.run_id)][:limit]

    def sample_latest(self, newest, most, run_id):
        found = self.latest(newest, run_id)
        if len(found) <= most:
            return Sample(found)
        share = 0.5 ** math.ceil(math.log2(len(found) / most))
        return Sample(found[:: round(1 / share)], share)

    def count_by_door(self):
        self.counts += 1
        if self.is_too_large_to_count:
            raise Unavailable("the prediction store", "it took too long")
        return {"api": len(self.predictions)}

    def reports(self, limit):
        self._up()
        return [{"made_at": START}][:limit]


class NoRegistry:
    """A registry that is down."""

    def champion(self):
        raise Unavailable("MLflow", "it is switched off")

    def fetch_bundle(self, _run_id, _folder):
        raise Unavailable("MLflow", "it is switched off")


def predict(bundle, frame, run_id=RUN):
    """Predictions of reference-like rows, newest first."""
    codec = RowCodec(bundle.contract)
    names = list(bundle.contract.feature_names)
    records = frame[names].astype(object).where(frame[names].notna(), None).to_dict("records")
    made = Model(run_id, bundle).predict(
        [codec.parse(r) for r in records], [f"{run_id}{i}" for i in range(len(frame))], "api"
    )
    return [msgspec.structs.replace(p, made_at=START - timedelta(seconds=at)) for at, p in enumerate(made)]


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def cache(bundle, tmp_path):
    """A local copy of one run's bundle, and nothing behind it."""
    shutil.copytree(bundle.folder, tmp_path / RUN)
    return BundleCache(NoRegistry(), tmp_path)


@pytest.fixture
def monitor(store, cache):
    return Monitor(store, cache, window_rows=1_000, min_rows=300)


def samples(monitor) -> dict[str, float]:
    """What /metrics says: `name` or `name{value of label,…} (labels by name)` to value."""
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        sample.name
        + (
            "{" + ",".join(value for _, value in sorted(sample.labels.items())) + "}" if sample.labels else ""
        ): sample.value
        for family in families
        for sample in family.samples
    }


def test_traffic_like_the_reference_shows_no_drift(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(800))
    monitor.look()
    found = samples(monitor)
    assert (found["drift_known"], found["dataset_drift"], found["drifted_columns"]) == (1, 0, 0)
    assert found["prediction_drift"] == 0
    assert (found["window_rows"], found["window_rows_needed"]) == (800, 300)
    assert found["predictions_stored_total{api}"] == 800
    assert (found["store_up"], found["model_up"]) == (1, 1)
    assert found[f"monitored_run_info{{{bundle.digest[:12]},{RUN},credit_card_churn}}"] == 1
    assert found["window_span_seconds"] == 799
    assert 0 <= found["prediction_quantile{0.05}"] <= found["prediction_quantile{0.95}"] <= 1
    assert found["last_report_age_seconds"] > 0


def test_shifted_traffic_shows_which_column_drifted(monitor, store, bundle):
    frame = bundle.reference().head(800)
    frame["credit_limit"] /= 2
    frame.loc[:99, "gender"] = "another"
    frame.loc[:3, "customer_age"] = None
    store.predictions = predict(bundle, frame)
    monitor.look()
    found = samples(monitor)
    assert (found["dataset_drift"], found["drifted_columns"]) == (1, 2)
    assert found["drifted_columns_share"] == pytest.approx(2 / 11)
    assert (found["column_drifted{credit_limit}"], found["column_drifted{months_on_book}"]) == (1, 0)
    assert found["column_drift_score{credit_limit,wasserstein}"] > 0.1
    assert found["column_drift_p_value{credit_limit,ks}"] < 0.01
    assert found["column_drift_severity{credit_limit}"] > 1 > found["column_drift_severity{months_on_book}"]
    assert found["window_unseen_labels{gender}"] == 100
    assert found["window_missing_values{customer_age}"] == 4
    assert found["window_missing_values{gender}"] == 0


def test_values_out_of_the_training_range_are_counted(monitor, store, bundle):
    predictions = predict(bundle, bundle.reference().head(300))
    store.predictions = [msgspec.structs.replace(predictions[0], out_of_range=("customer_age",)), *predictions[1:]]
    monitor.look()
    assert samples(monitor)["window_out_of_range_values{customer_age}"] == 1


def test_a_window_larger_than_what_is_read_at_a_look_is_sampled_and_says_by_how_much_it_may_err(store, cache, bundle):
    frame = bundle.reference().head(1_600)
    frame["credit_limit"] /= 2
    frame.loc[::2, "customer_age"] = None
    store.predictions = predict(bundle, frame)
    store.unreadable = 3
    sampling = Monitor(store, cache, window_rows=1_600, min_rows=300, sample_rows=400)
    sampling.look()
    found = samples(sampling)
    assert (found["window_rows"], found["window_rows_read"]) == (1_600, 400)
    assert found["window_missing_values{customer_age}"] == 1_600  # every fourth row is read, all of them without
    assert found["window_sampling_error"] == pytest.approx(sampling_error(400))
    assert (found["drift_known"], found["column_drifted{credit_limit}"]) == (1, 1)
    assert found["unreadable_documents"] == 3
    whole = Monitor(store, cache, window_rows=1_600, min_rows=300)
    whole.look()
    assert (samples(whole)["window_rows_read"], samples(whole)["window_sampling_error"]) == (1_600, 0)


def test_a_small_window_is_told_and_not_judged(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(299))
    monitor.look()
    found = samples(monitor)
    assert (found["window_rows"], found["drift_known"]) == (299, 0)
    assert "dataset_drift" not in found
    assert found["prediction_mean"] > 0


def test_an_empty_store_is_no_failure(monitor):
    monitor.look()
    found = samples(monitor)
    assert (found["store_up"], found["window_rows"], found["drift_known"]) == (1, 0, 0)
    assert monitor.errors == {}


def test_nothing_is_computed_again_before_a_new_prediction_comes(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.look()
    computed, reads = monitor.sight.computed_at, store.reads
    monitor.look()
    assert monitor.sight.computed_at == computed
    assert store.reads == reads + 1
    store.predictions = predict(bundle, bundle.reference().head(401), RUN)[::-1]
    monitor.look()
    assert monitor.sight.computed_at > computed


def test_predictions_that_came_after_the_first_look_are_counted_soon_though_the_registry_is_slow(store, cache, bundle):
    monitor = Monitor(store, cache, window_rows=1_000, min_rows=300, trained_at=lambda: time.sleep(1))
    monitor.look()
    store.predictions = predict(bundle, bundle.reference().head(3))
    deadline = time.monotonic() + 10
    while samples(monitor)["predictions_stored_total{api}"] == 0 and time.monotonic() < deadline:
        monitor.look()
    assert samples(monitor)["predictions_stored_total{api}"] == 3


def test_a_store_too_large_to_be_counted_is_watched_all_the_same(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    store.is_too_large_to_count = True
    monitor.look()
    found = samples(monitor)
    assert (found["store_up"], found["drift_known"], found["monitor_errors_total{count}"]) == (1, 1, 1)
    assert not any(name.startswith("predictions_stored") for name in found)


def test_a_store_that_is_down_is_told_and_the_last_drift_stays(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.look()
    store.is_down = True
    for _ in range(3):
        monitor.look()
    found = samples(monitor)
    assert (found["store_up"], found["drift_known"], found["monitor_errors_total{store}"]) == (0, 1, 3)
    store.is_down = False
    monitor.look()
    assert samples(monitor)["store_up"] == 1


def test_a_run_whose_bundle_cannot_be_had_shows_its_window_and_no_drift(monitor, store, bundle):
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.look()
    store.predictions = predict(bundle, bundle.reference().head(400), "b" * 32) + store.predictions
    monitor.look()
    found = samples(monitor)
    assert (found["model_up"], found["drift_known"], found["monitor_errors_total{model}"]) == (0, 0, 1)
    assert found["window_rows"] == 400
    assert not any(name.startswith("monitored_run_info") for name in found)


def test_a_registry_that_comes_back_is_tried_again_without_new_predictions(store, bundle, tmp_path):
    monitor = Monitor(store, BundleCache(NoRegistry(), tmp_path), window_rows=1_000, min_rows=300)
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.look()
    assert samples(monitor)["model_up"] == 0
    shutil.copytree(bundle.folder, tmp_path / RUN)
    monitor.look()
    found = samples(monitor)
    assert (found["model_up"], found["drift_known"]) == (1, 1)


def test_a_new_run_is_compared_with_its_own_reference(monitor, store, bundle, make_bundle, contract, tmp_path):
    other = make_bundle(contract, tmp_path / ("b" * 32), seed=1)
    store.predictions = predict(bundle, bundle.reference().head(400))
    monitor.look()
    store.predictions = predict(other, other.reference().head(400), "b" * 32) + store.predictions
    monitor.look()
    found = samples(monitor)
    assert found[f"monitored_run_info{{{other.digest[:12]},{'b' * 32},credit_card_churn}}"] == 1
    assert (found["window_rows"], found["prediction_drift"]) == (400, 0)


def test_a_document_that_makes_no_sense_is_survived(monitor, store, bundle):
    good = predict(bundle, bundle.reference().head(400))
    odd = {**good[0].row, "credit_limit": "a lot", "gender": 7, "months_on_book": None}
    store.predictions = [msgspec.structs.replace(good[0], row=odd), *good[1:]]
    monitor.look()
    assert samples(monitor)["drift_known"] == 1
    store.predictions = [msgspec.structs.replace(good[1], id="new", score="high"), *good[1:]]
    monitor.look()
    assert monitor.errors
    store.predictions = good
    monitor.look()
    assert samples(monitor)["drift_known"] == 1


def test_the_age_of_the_last_training_is_shown_and_a_registry_that_is_away_harms_nothing(store, cache):
    known = Monitor(store, cache, 1_000, 300, trained_at=lambda: 1_000.0)
    known.look()
    assert samples(known)["last_training_timestamp_seconds"] == 1_000
    assert samples(known)["last_training_age_seconds"] > 1e9

    def away() -> float:
        raise Unavailable("MLflow", "it does not answer")

    unknown = Monitor(store, cache, 1_000, 300, trained_at=away)
    unknown.look()
    found = samples(unknown)
    assert found["store_up"] == 1
    assert "last_training_age_seconds" not in found
