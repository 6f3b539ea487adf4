"""The monitor's snapshot as Prometheus metrics. What is not known has no sample: an absent gauge, never a 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.monitor import Monitor, Snapshot
from monitoring.run_metrics import run_families
from monitoring.table_monitor import TableSnapshot

OF_TABLES: Mapping[str, tuple[str, Callable[[TableSnapshot], float | None]]] = {
    "monitor_last_prediction_timestamp_seconds": (
        "When the table's newest prediction was made, in seconds since 1970.",
        lambda table: table.newest_at,
    ),
    "monitor_last_training_timestamp_seconds": (
        "When a training run of the table last completed, in seconds since 1970.",
        lambda table: table.trained_at,
    ),
    "monitor_last_report_timestamp_seconds": (
        "When the newest report on the table was made, in seconds since 1970.",
        lambda table: table.reported_at,
    ),
    "monitor_future_predictions": (
        "Predictions dated over a minute in the future, 1,000 at most: left out until then.",
        lambda table: table.future,
    ),
    "monitor_runs": (
        "Runs of the table that are monitored: they predicted in its window.",
        lambda table: len(table.runs),
    ),
    "monitor_runs_not_monitored": (
        "Runs of the table that predicted in its window and are not monitored.",
        lambda table: table.runs_not_monitored,
    ),
}


class MonitorCollector(Collector):
    """Makes the metrics afresh at every scrape, so that columns and runs that are gone leave nothing behind."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        """Every metric of the latest snapshot."""
        snapshot = self._monitor.snapshot
        yield from _store(snapshot)
        needed = "The fewest predictions of a window that are compared; a reference needs 100 rows at most."
        yield _gauge("monitor_min_rows", needed, self._monitor.min_rows)
        failed = "Failed checks, by what failed, and the table: empty for the store's own."
        yield _counter("monitor_errors", failed, ("reason", "table"), self._monitor.errors)
        stored = "Predictions in the store, by table and source."
        yield _counter("monitor_predictions_stored", stored, ("table", "source"), snapshot.by_source)
        yield from _tables(snapshot.tables)
        yield from run_families(snapshot.tables)


def _store(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge("monitor_store_up", "1 if the prediction store responded to the last check.", snapshot.store_up)
    if snapshot.checked_at is not None:
        checked = "When the store was last checked, in seconds since 1970."
        yield _gauge("monitor_last_check_timestamp_seconds", checked, snapshot.checked_at)
    if snapshot.foreign is not None:
        foreign = "Documents among the predictions that no source of ours wrote."
        yield _gauge("monitor_foreign_documents", foreign, snapshot.foreign)
    read = "Different documents that were read and left out because they are no valid predictions."
    yield CounterMetricFamily("monitor_unreadable_documents", read, value=snapshot.unreadable)


def _tables(tables: Mapping[str, TableSnapshot]) -> Iterator[Metric]:
    for name, (documentation, of_table) in OF_TABLES.items():
        family = GaugeMetricFamily(name, documentation, labels=["table"])
        for table, snapshot in tables.items():
            if (value := of_table(snapshot)) is not None:
                family.add_metric([table], float(value))
        yield family


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=float(value))


def _counter(name: str, documentation: str, labels: tuple[str, str], counts: Mapping[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=list(labels))
    for values, count in counts.items():
        family.add_metric(list(values), count)
    return family
