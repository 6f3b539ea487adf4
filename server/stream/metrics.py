"""The consumer's Prometheus metrics, on a small HTTP server of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.stream.leases import LeaseSummary
from tabular.process.background import BackgroundTask
from tabular.process.metrics_server import only_for, serve

STEPS = ("read", "store", "results", "dead letters", "checkpoint")
BATCH_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class StreamMetrics:
    """The metrics of one table's stream at one consumer; `tasks` are its background tasks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "consumer_records", "Records processed, by outcome.", ["outcome"], registry=self.registry
        )
        for outcome in ("served", "dead_letter"):
            self.records.labels(outcome)
        self.base64 = Counter(
            "consumer_base64_records",
            "Records that were base64 of a JSON object: they were decoded and processed as that object.",
            registry=self.registry,
        )
        self.failures = Counter(
            "consumer_failures", "Failed attempts to reach a stream or the store.", ["step"], registry=self.registry
        )
        for step in STEPS:
            self.failures.labels(step)
        self.batch_seconds = Histogram(
            "consumer_batch_duration_seconds",
            "From the records read to the checkpoint saved.",
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        self._lag_seconds = Gauge(
            "consumer_lag_seconds",
            "Age of the next unread record, 0 if there is none.",
            ["shard"],
            registry=self.registry,
        )
        self._leases = Gauge("consumer_leases_held", "Shards that this consumer reads.", registry=self.registry)
        self._lost = Counter(
            "consumer_leases_lost", "Leases that expired, so that another consumer has them.", registry=self.registry
        )
        self._counted_lost = 0
        self._alive = Gauge(
            "consumer_live_consumers",
            "Live consumers that share the stream.",
            registry=self.registry,
        )
        self._without_owner = Gauge(
            "consumer_unassigned_shards", "Shards to be read that no live consumer holds.", registry=self.registry
        )
        self._model = Gauge(
            "consumer_model_info", "The run that serves now.", ["table", "run_id"], registry=self.registry
        )
        self.tasks: list[BackgroundTask] = []
        self.registry.register(_Tasks(self))
        self._shards: set[str] = set()
        self._checkpoint = Gauge(
            "consumer_last_checkpoint_timestamp_seconds",
            "When the last checkpoint was saved, or the consumer started.",
            registry=self.registry,
        )
        self._checkpoint.set_to_current_time()

    def checkpointed(self) -> None:
        """A checkpoint was saved just now."""
        self._checkpoint.set_to_current_time()

    def lag(self, milliseconds: dict[str, int]) -> None:
        """Show the lag of each shard that is read, and of no other."""
        for gone in self._shards - milliseconds.keys():
            self._lag_seconds.remove(gone)
        self._shards = set(milliseconds)
        for shard, lag_milliseconds in milliseconds.items():
            self._lag_seconds.labels(shard).set(lag_milliseconds / 1000)

    def leases(self, summary: LeaseSummary) -> None:
        """Show how the shards are distributed."""
        self._leases.set(summary.held)
        self._lost.inc(summary.lost - self._counted_lost)
        self._counted_lost = summary.lost
        self._alive.set(summary.consumers)
        self._without_owner.set(summary.without_owner)

    def model(self, table: str, run_id: str) -> None:
        """Show the run that serves now, and its table."""
        self._model.clear()
        self._model.labels(table, run_id).set(1)


def registry_of(tables: Mapping[str, StreamMetrics]) -> CollectorRegistry:
    """The metrics of all tables of a consumer; each sample has the label `table`."""
    registry = CollectorRegistry()
    registry.register(_Tables(tables))
    return registry


def serve_metrics(tables: Mapping[str, StreamMetrics], host: str, port: int, allowed_hosts: str) -> Callable[[], None]:
    """Serve the metrics of all tables; returns what stops it. Raises InvalidSetting for a port that is taken."""
    app = only_for(allowed_hosts, make_wsgi_app(registry_of(tables)))
    return serve(app, host, port, "CONSUMER_METRICS_PORT")


class _Tables(Collector):
    """What each table's registry has, the metrics of one name in one family."""

    def __init__(self, tables: Mapping[str, StreamMetrics]) -> None:
        self._tables = tables

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for table, metrics in self._tables.items():
            for found in metrics.registry.collect():
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                family.samples += [each._replace(labels={"table": table, **each.labels}) for each in found.samples]
        yield from families.values()


class _Tasks(Collector):
    """The state of the background tasks at the time of the scrape."""

    def __init__(self, metrics: StreamMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(
            "consumer_background_failures",
            "Failed runs of the background tasks: following the champion, the heartbeat of the leases.",
            labels=["task"],
        )
        failing = GaugeMetricFamily(
            "consumer_background_failing", "1 if the background task failed in its last run.", labels=["task"]
        )
        for task in self._metrics.tasks:
            failures.add_metric([task.name], task.failures)
            failing.add_metric([task.name], task.failing is not None)
        yield from (failures, failing)
