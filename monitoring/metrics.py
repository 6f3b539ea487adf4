"""What the monitor sees, as Prometheus metrics. What is not known has no sample: an absent gauge, never a made-up 0."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.monitor import Monitor, Sight
from monitoring.run_metrics import run_families


class MonitorCollector(Collector):
    """Makes the metrics afresh at every scrape, so that columns and runs that are gone leave nothing behind."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        """Every metric of the present sight."""
        sight = self._monitor.sight
        yield _gauge("store_up", "1 if the prediction store answered the last look.", sight.store_up)
        yield from _ages(sight)
        yield _counter("monitor_errors", "Failed looks, by what failed.", "reason", self._monitor.errors)
        yield from _documents(sight)
        needed = "The fewest rows that are compared, of a window and of a reference."
        yield _gauge("window_rows_needed", needed, self._monitor.min_rows)
        yield _gauge("watched_runs", "Runs that answered in the window and are watched.", len(sight.runs))
        yield _gauge("unwatched_runs", "Runs that answered in the window and are not watched.", sight.unwatched_runs)
        yield from run_families(sight.runs)


def _ages(sight: Sight) -> Iterator[Metric]:
    ages = {
        "monitor_last_look": ("the monitor last looked", sight.looked_at),
        "last_prediction": ("the newest prediction was made", sight.newest_at),
        "last_training": ("a training last came to its end", sight.trained_at),
        "last_report": ("the newest report was made", sight.reported_at),
    }
    for name, (what, moment) in ages.items():
        if moment is not None:
            yield _gauge(f"{name}_timestamp_seconds", f"When {what}, in seconds since 1970.", moment)
            yield _gauge(f"{name}_age_seconds", f"How long ago {what}.", max(0.0, time.time() - moment))


def _documents(sight: Sight) -> Iterator[Metric]:
    labels = ["table", "source"]
    stored = CounterMetricFamily("predictions_stored", "Predictions in the store, by table and source.", labels=labels)
    for key, count in sight.by_source.items():
        stored.add_metric(key, count)
    yield stored
    if sight.foreign is not None:
        yield _gauge(
            "foreign_documents", "Documents among the predictions that no source of ours wrote.", sight.foreign
        )
    read = "Different documents that were read and left out because they are no predictions, since the start."
    yield _gauge("unreadable_documents", read, sight.unreadable)
    ahead = "Predictions dated over a minute ahead, 1,000 at most: left out until their time comes."
    yield _gauge("predictions_dated_ahead", ahead, sight.ahead)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _counter(name: str, documentation: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family
