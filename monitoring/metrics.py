"""The monitor's snapshot as Prometheus metrics. What is not known has no sample: an absent gauge, never a 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.monitor import Monitor, Snapshot
from monitoring.run_metrics import run_families


class MonitorCollector(Collector):
    """Makes the metrics afresh at every scrape, so that columns and runs that are gone leave nothing behind."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        """Every metric of the latest snapshot."""
        snapshot = self._monitor.snapshot
        yield _gauge("monitor_store_up", "1 if the prediction store responded to the last check.", snapshot.store_up)
        yield from _timestamps(snapshot)
        yield _counter("monitor_errors", "Failed checks, by what failed.", "reason", self._monitor.errors)
        yield from _documents(snapshot)
        needed = "The fewest predictions of a window that are compared; a reference needs 100 rows at most."
        yield _gauge("monitor_min_rows", needed, self._monitor.min_rows)
        yield _gauge("monitor_runs", "Runs that are monitored: they predicted in the window.", len(snapshot.runs))
        yield _gauge(
            "monitor_runs_not_monitored",
            "Runs that predicted in the window and are not monitored.",
            snapshot.runs_not_monitored,
        )
        yield from run_families(snapshot.runs)


def _timestamps(snapshot: Snapshot) -> Iterator[Metric]:
    moments = {
        "check": ("the store was last checked", snapshot.checked_at),
        "prediction": ("the newest prediction was made", snapshot.newest_at),
        "training": ("a training run last completed", snapshot.trained_at),
        "report": ("the newest report was made", snapshot.reported_at),
    }
    for name, (what, moment) in moments.items():
        if moment is not None:
            yield _gauge(f"monitor_last_{name}_timestamp_seconds", f"When {what}, in seconds since 1970.", moment)


def _documents(snapshot: Snapshot) -> Iterator[Metric]:
    labels = ["table", "source"]
    stored = CounterMetricFamily(
        "monitor_predictions_stored", "Predictions in the store, by table and source.", labels=labels
    )
    for key, count in snapshot.by_source.items():
        stored.add_metric(key, count)
    yield stored
    if snapshot.foreign is not None:
        yield _gauge(
            "monitor_foreign_documents",
            "Documents among the predictions that no source of ours wrote.",
            snapshot.foreign,
        )
    read = "Different documents that were read and left out because they are no valid predictions."
    yield CounterMetricFamily("monitor_unreadable_documents", read, value=snapshot.unreadable)
    future = "Predictions dated over a minute in the future, 1,000 at most: left out until then."
    yield _gauge("monitor_future_predictions", future, snapshot.future)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _counter(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family
