"""What the monitor sees, as Prometheus metrics. What is not known has no sample: an absent gauge, never a made-up 0."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.monitor import Monitor, Sight, Window
from tabular.drift import ColumnDrift, Drift

LabelledValues = Iterable[tuple[Sequence[str], float]]


class MonitorCollector(Collector):
    """Makes the metrics afresh at every scrape, so that columns and runs that are gone leave nothing behind."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        """Every metric of the present sight."""
        sight = self._monitor.sight
        yield from _health(sight)
        yield _counter("monitor_errors", "Failed looks, by what failed.", "reason", self._monitor.errors)
        yield _gauge("unreadable_documents", "Documents left out because they are no predictions.", sight.unreadable)
        yield _counter("predictions_stored", "Predictions in the store, by door.", "door", sight.by_door)
        yield _gauge("window_rows_needed", "The fewest predictions that are compared.", self._monitor.min_rows)
        rows = sight.window.rows if sight.window else 0
        yield _gauge("window_rows", "Predictions in the window; about, if it was sampled.", rows)
        yield _gauge("drift_known", "1 if the window was compared with its reference.", sight.drift is not None)
        if sight.window is not None:
            yield from _window(sight.window)
        if sight.drift is not None:
            yield from _drift(sight.drift)


def _health(sight: Sight) -> Iterator[Metric]:
    yield _gauge("store_up", "1 if the prediction store answered the last look.", sight.store_up)
    if sight.model_up is not None:
        yield _gauge("model_up", "1 if the bundle of the window's run could be read.", sight.model_up)
    ages = {
        "monitor_last_look": ("the monitor last looked", sight.looked_at),
        "last_drift_computation": ("the window was last compared", sight.computed_at),
        "last_prediction": ("the newest prediction was made", sight.window.newest_at if sight.window else None),
        "last_training": ("a training last came to its end", sight.trained_at),
        "last_report": ("the newest report was made", sight.reported_at),
    }
    for name, (what, moment) in ages.items():
        if moment is not None:
            yield _gauge(f"{name}_timestamp_seconds", f"When {what}, in seconds since 1970.", moment)
            yield _gauge(f"{name}_age_seconds", f"How long ago {what}.", max(0.0, time.time() - moment))
    if sight.computation_seconds is not None:
        yield _gauge("drift_computation_seconds", "How long the last comparison took.", sight.computation_seconds)
    if sight.window is not None and sight.bundle is not None:
        labels = (sight.window.run_id, sight.bundle.contract.table.name, sight.bundle.digest[:12])
        names = ("run_id", "table", "bundle")
        yield _labelled("monitored_run_info", "The run whose predictions are in the window.", names, [(labels, 1)])


def _window(window: Window) -> Iterator[Metric]:
    yield _gauge("window_rows_read", "Predictions of the window that were read.", window.read_rows)
    yield _gauge("window_sampling_error", "The most a share of the window may be off; 0: all was read.", window.error)
    span = window.newest_at - window.oldest_at
    yield _gauge("window_span_seconds", "Time between the window's oldest and newest prediction.", span)
    yield _gauge("prediction_mean", "Mean score in the window.", window.mean_score)
    quantiles = (([f"{at:g}"], value) for at, value in window.score_quantiles.items())
    yield _labelled("prediction_quantile", "Quantiles of the scores in the window.", ("quantile",), quantiles)
    for name, what, counts in (
        ("window_missing_values", "Missing values", window.missing),
        ("window_unseen_labels", "Labels the contract does not know", window.unseen),
        ("window_out_of_range_values", "Values outside the range of training", window.out_of_range),
    ):
        values = (([column], float(count)) for column, count in counts.items())
        yield _labelled(name, f"{what} in the window, by column.", ("column",), values)


def _drift(drift: Drift) -> Iterator[Metric]:
    yield _gauge("dataset_drift", "1 if any feature drifted.", drift.dataset_drift)
    yield _gauge("drifted_columns", "How many features drifted.", len(drift.drifted_columns))
    yield _gauge("drifted_columns_share", "The share of the features that drifted, 0 to 1.", drift.drifted_share)
    yield _gauge("reference_rows", "Rows in the reference.", drift.reference_rows)
    by_method = ("column", "method")
    scores = (([column.name, column.distance_method], column.distance) for column in drift.columns)
    yield _labelled("column_drift_score", "Distance from the reference.", by_method, scores)
    p_values = (([column.name, column.method], column.p_value) for column in drift.columns)
    yield _labelled("column_drift_p_value", "P-value, corrected for all tests.", by_method, p_values)
    severities = (([column.name], column.severity) for column in drift.columns)
    yield _labelled("column_drift_severity", "Distance over the least that matters.", ("column",), severities)
    drifted = (([column.name], float(column.drifted)) for column in drift.columns)
    yield _labelled("column_drifted", "1 if the feature drifted.", ("column",), drifted)
    if drift.prediction is not None:
        yield from _prediction(drift.prediction)


def _prediction(prediction: ColumnDrift) -> Iterator[Metric]:
    yield _gauge("prediction_drift", "1 if the scores drifted.", prediction.drifted)
    yield _gauge("prediction_drift_score", "Distance of the scores from the reference's.", prediction.distance)
    yield _gauge("prediction_drift_p_value", "P-value of the scores, corrected for all tests.", prediction.p_value)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _labelled(name: str, documentation: str, labels: tuple[str, ...], values: LabelledValues) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _counter(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family
