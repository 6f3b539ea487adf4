"""What the monitor sees of each run, as Prometheus metrics: every sample has the labels `table` and `run_id`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from monitoring.run_sight import Comparison, RunSight, Window
from tabular.quality.drift import ColumnDrift, Drift


class Gauge(NamedTuple):
    """One sample of a run, still without its labels `table` and `run_id`."""

    name: str
    documentation: str
    value: float
    labels: Mapping[str, str] = {}


def run_families(runs: Mapping[str, RunSight]) -> Iterator[Metric]:
    """The gauges of all runs, those of one name in one family."""
    families: dict[str, Metric] = {}
    for run_id, sight in runs.items():
        for gauge in _run(sight):
            family = families.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.documentation))
            labels = {"table": sight.window.table, "run_id": run_id, **gauge.labels}
            family.add_sample(gauge.name, labels, float(gauge.value))
    yield from families.values()


def _run(sight: RunSight) -> Iterator[Gauge]:
    if sight.model_up is not None:
        yield Gauge("model_up", "1 if the bundle of the run could be read.", sight.model_up)
    if sight.bundle is not None:
        bundle = {"bundle": sight.bundle.digest[:12]}
        yield Gauge("monitored_run_info", "A run whose predictions are in the window.", 1, bundle)
    yield from _window(sight.window)
    yield Gauge("drift_known", "1 if the window was compared with its reference.", sight.drift is not None)
    if sight.comparison is not None:
        yield from _comparison(sight.comparison)
    if sight.drift is not None:
        yield from _drift(sight.drift)


def _window(window: Window) -> Iterator[Gauge]:
    yield Gauge("window_rows", "Predictions in the window; about, if it was sampled.", window.rows)
    yield Gauge("window_rows_read", "Predictions of the window that were read.", window.read_rows)
    left_out = "Documents of the window that were read and are no predictions of the run's contract."
    yield Gauge("window_left_out", left_out, window.left_out)
    yield Gauge("window_sampling_error", "The most a share of the window may be off; 0: all was read.", window.error)
    if window.newest_at is not None and window.oldest_at is not None:
        span = "Time between the window's oldest and newest prediction."
        yield Gauge("window_span_seconds", span, window.newest_at - window.oldest_at)
    yield Gauge("prediction_mean", "Mean score in the window.", window.mean_score)
    for at, value in window.score_quantiles.items():
        yield Gauge("prediction_quantile", "Quantiles of the scores in the window.", value, {"quantile": f"{at:g}"})
    for name, what, counts in (
        ("window_missing_values", "Missing values", window.missing),
        ("window_unknown_categories", "Categories the contract does not know", window.unknown),
        ("window_out_of_range_values", "Values outside the range of training", window.out_of_range),
    ):
        for column, count in counts.items():
            yield Gauge(name, f"{what} in the window, by column.", count, {"column": column})


def _comparison(comparison: Comparison) -> Iterator[Gauge]:
    yield Gauge("reference_rows", "Rows in the reference.", comparison.reference_rows)
    stamp, age = "When the window was last compared, in seconds since 1970.", "How long ago it was last compared."
    yield Gauge("last_drift_computation_timestamp_seconds", stamp, comparison.computed_at)
    yield Gauge("last_drift_computation_age_seconds", age, max(0.0, time.time() - comparison.computed_at))
    yield Gauge("drift_computation_seconds", "How long the last comparison took.", comparison.seconds)


def _drift(drift: Drift) -> Iterator[Gauge]:
    yield Gauge("dataset_drift", "1 if any feature drifted.", drift.dataset_drift)
    yield Gauge("drifted_columns", "How many features drifted.", len(drift.drifted_columns))
    yield Gauge("drifted_columns_share", "The share of the features that drifted, 0 to 1.", drift.drifted_share)
    for column in drift.columns:
        yield from _column(column)
    if (prediction := drift.prediction) is not None:
        yield Gauge("prediction_drift", "1 if the scores drifted.", prediction.drifted)
        yield Gauge("prediction_drift_score", "Distance of the scores from the reference's.", prediction.distance)
        p_value = "P-value of the scores, corrected for all tests."
        yield Gauge("prediction_drift_p_value", p_value, prediction.p_value)


def _column(column: ColumnDrift) -> Iterator[Gauge]:
    name = {"column": column.name}
    by_distance, by_test = {**name, "method": column.distance_method}, {**name, "method": column.method}
    yield Gauge("column_drift_score", "Distance from the reference.", column.distance, by_distance)
    yield Gauge("column_drift_p_value", "P-value, corrected for all tests.", column.p_value, by_test)
    yield Gauge("column_drift_severity", "Distance over the least that matters.", column.severity, name)
    yield Gauge("column_drifted", "1 if the feature drifted.", column.drifted, name)
