"""The snapshot of each run as Prometheus metrics: every sample has the labels `table` and `run_id`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from monitoring.alarms.kinds import Alarm, Kind
from monitoring.gauge import Gauge
from monitoring.quality_metrics import estimate_gauges, quality_gauges
from monitoring.run_snapshot import Comparison, RunSnapshot, Window
from monitoring.table_monitor import TableSnapshot
from tabular.quality.drift import ColumnDrift, Drift

MEAN_LOSSES = {
    "mean_loss": "Mean loss, 0 to 1 (binary: Brier's score), of the newest block that the alarm on quality rests on.",
    "reference_mean_loss": "Mean loss of the rows held out in training.",
    "highest_mean_loss": "The highest mean loss that is within the tolerance of the alarm on quality.",
}


def run_families(tables: Mapping[str, TableSnapshot]) -> Iterator[Metric]:
    """The gauges of all runs of all tables, those of one name in one family."""
    families: dict[str, Metric] = {}
    runs = ((table, run_id, run) for table, snapshot in tables.items() for run_id, run in snapshot.runs.items())
    for table, run_id, run in runs:
        for gauge in _run(run):
            family = families.setdefault(gauge.name, GaugeMetricFamily(gauge.name, gauge.documentation))
            labels = {"table": table, "run_id": run_id, **gauge.labels}
            family.add_sample(gauge.name, labels, float(gauge.value))
    yield from families.values()


def _run(snapshot: RunSnapshot) -> Iterator[Gauge]:
    if snapshot.model_up is not None:
        yield Gauge("monitor_model_up", "1 if the bundle of the run could be read.", snapshot.model_up)
    if snapshot.bundle is not None:
        bundle = {"bundle": snapshot.bundle.digest[:12]}
        yield Gauge("monitor_run_info", "A run whose predictions are in the window.", 1, bundle)
    yield from _window(snapshot.window)
    yield Gauge("monitor_drift_known", "1 if the window was compared with its reference.", snapshot.drift is not None)
    if snapshot.alarms is not None:
        yield from _alarms(snapshot.alarms)
    if snapshot.quality is not None:
        yield from quality_gauges(snapshot.quality)
    yield from estimate_gauges(snapshot.estimates)
    if snapshot.comparison is not None:
        yield from _comparison(snapshot.comparison)
    if snapshot.drift is not None:
        yield from _drift(snapshot.drift)


def _window(window: Window) -> Iterator[Gauge]:
    yield Gauge("monitor_window_rows", "Predictions in the window; an estimate if it was sampled.", window.rows)
    yield Gauge("monitor_window_sampled_rows", "Predictions of the window that were read.", window.read_rows)
    left_out = "Documents of the window that were read and are no predictions of the run's contract."
    yield Gauge("monitor_window_excluded_documents", left_out, window.left_out)
    yield Gauge(
        "monitor_window_sampling_error", "The largest error of a share of the window; 0: all was read.", window.error
    )
    if window.newest_at is not None and window.oldest_at is not None:
        span = "Time between the window's oldest and newest prediction."
        yield Gauge("monitor_window_span_seconds", span, window.newest_at - window.oldest_at)
    yield Gauge("monitor_score_mean", "Mean score in the window.", window.mean_score)
    for at, value in window.score_quantiles.items():
        yield Gauge("monitor_score_quantile", "Quantiles of the scores in the window.", value, {"quantile": f"{at:g}"})
    for name, count in window.predicted_classes.items():
        classes = "Predictions in the window by predicted class, of a multiclass model."
        yield Gauge("monitor_window_predicted_classes", classes, count, {"class": name})
    for name, what, counts in (
        ("monitor_window_missing_values", "Missing values", window.missing),
        ("monitor_window_unknown_categories", "Categories the contract does not know", window.unknown),
        ("monitor_window_out_of_range_values", "Values outside the range of training", window.out_of_range),
    ):
        for feature, count in counts.items():
            yield Gauge(name, f"{what} in the window, by feature.", count, {"feature": feature})


def _alarms(alarms: Mapping[Kind, Alarm]) -> Iterator[Gauge]:
    for kind, alarm in alarms.items():
        of = {"kind": kind}
        blocks = "Blocks of predictions, or of labelled ones, that an alarm rests on."
        yield Gauge("monitor_alarm_blocks", blocks, alarm.blocks, of)
        yield Gauge("monitor_alarm", "1 while the alarm stands.", alarm.raised_at is not None, of)
        evidence = "Evidence for the alarm: it is raised at 1, and ends below 0.01."
        yield Gauge("monitor_alarm_evidence", evidence, alarm.evidence, of)
        if alarm.raised_at is not None:
            stamp = "When the alarm was raised, in seconds since 1970."
            yield Gauge("monitor_alarm_start_timestamp_seconds", stamp, alarm.raised_at, of)
    for feature, evidence_of_it in alarms["drift"].by_feature.items():
        what = "Evidence by feature; that of the alarm on drift is its mean."
        yield Gauge("monitor_alarm_feature_evidence", what, evidence_of_it, {"feature": feature})
    if "quality" in alarms:
        yield from (
            Gauge(f"monitor_alarm_{name}", MEAN_LOSSES[name], alarms["quality"].figures[name]) for name in MEAN_LOSSES
        )


def _comparison(comparison: Comparison) -> Iterator[Gauge]:
    yield Gauge("monitor_reference_rows", "Rows in the reference.", comparison.reference_rows)
    stamp = "When the window was last compared, in seconds since 1970."
    yield Gauge("monitor_last_comparison_timestamp_seconds", stamp, comparison.computed_at)
    yield Gauge("monitor_comparison_duration_seconds", "How long the last comparison took.", comparison.seconds)


def _drift(drift: Drift) -> Iterator[Gauge]:
    yield Gauge("monitor_dataset_drift", "1 if any feature drifted.", drift.dataset_drift)
    yield Gauge("monitor_drifted_features", "How many features drifted.", len(drift.drifted_columns))
    yield Gauge(
        "monitor_drifted_features_ratio", "The share of the features that drifted, 0 to 1.", drift.drifted_share
    )
    for column in drift.columns:
        yield from _column(column)
    if (prediction := drift.prediction) is not None:
        yield Gauge("monitor_prediction_drift", "1 if the scores drifted.", prediction.drifted)
        yield Gauge(
            "monitor_prediction_drift_distance", "Distance of the scores from the reference's.", prediction.distance
        )
        p_value = "P-value of the scores, corrected for all tests."
        yield Gauge("monitor_prediction_drift_p_value", p_value, prediction.p_value)
    if (mix := drift.predicted_class) is not None:
        yield Gauge("monitor_predicted_class_drift", "1 if the mix of predicted classes drifted.", mix.drifted)
        distance = "Distance of the mix of predicted classes from the reference's."
        yield Gauge("monitor_predicted_class_drift_distance", distance, mix.distance)
        p_value = "P-value of the mix of predicted classes, corrected for all tests."
        yield Gauge("monitor_predicted_class_drift_p_value", p_value, mix.p_value)


def _column(column: ColumnDrift) -> Iterator[Gauge]:
    name = {"feature": column.name}
    by_distance, by_test = {**name, "method": column.distance_method}, {**name, "method": column.method}
    yield Gauge("monitor_feature_drift_distance", "Distance from the reference.", column.distance, by_distance)
    yield Gauge("monitor_feature_drift_p_value", "P-value, corrected for all tests.", column.p_value, by_test)
    yield Gauge(
        "monitor_feature_drift_severity", "Distance divided by the least that counts as drift.", column.severity, name
    )
    yield Gauge("monitor_feature_drifted", "1 if the feature drifted.", column.drifted, name)
