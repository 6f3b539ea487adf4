"""The consumer's Prometheus metrics, on a small HTTP server of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.stream.leases import Standing
from tabular.process.background import BackgroundTask
from tabular.process.metrics_server import only_for, serve

STEPS = ("read", "store", "results", "dead letters", "checkpoint")
BATCH_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class StreamMetrics:
    """What the consumer counts; the names all begin with `consumer_`. `tasks` are its background tasks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "consumer_records", "Records dealt with, by outcome.", ["outcome"], registry=self.registry
        )
        for outcome in ("answered", "dead_letter"):
            self.records.labels(outcome)
        self.base64 = Counter(
            "consumer_base64_records",
            "Records that were base64 of a JSON object: they were decoded and dealt with as that object.",
            registry=self.registry,
        )
        self.failures = Counter(
            "consumer_failures", "Failed attempts to reach a stream or the store.", ["step"], registry=self.registry
        )
        for step in STEPS:
            self.failures.labels(step)
        self.batch_seconds = Histogram(
            "consumer_batch_seconds",
            "From the records read to the checkpoint saved.",
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        self.behind_seconds = Gauge(
            "consumer_behind_seconds",
            "How far the reading is behind the newest record.",
            ["shard"],
            registry=self.registry,
        )
        self._leases = Gauge("consumer_leases_held", "Shards that this consumer reads.", registry=self.registry)
        self._lost = Gauge(
            "consumer_leases_lost", "Shards that were taken away for silence, since the start.", registry=self.registry
        )
        self._alive = Gauge(
            "consumer_consumers_alive", "Consumers that share the stream, this one too.", registry=self.registry
        )
        self._without_owner = Gauge(
            "consumer_shards_without_owner", "Shards to be read that no living consumer holds.", registry=self.registry
        )
        self._model = Gauge("consumer_model_info", "The run that answers now.", ["run_id"], registry=self.registry)
        self.tasks: Sequence[BackgroundTask] = ()
        self.registry.register(_Tasks(self))
        self._shards: set[str] = set()
        self._checkpoint_at = time()
        age = Gauge(
            "consumer_checkpoint_age_seconds", "Since the last checkpoint, or the start.", registry=self.registry
        )
        age.set_function(lambda: time() - self._checkpoint_at)

    def serve(self, host: str, port: int, allowed_hosts: str) -> Callable[[], None]:
        """Serve the metrics; returns what stops it. Raises InvalidSetting for a port that is taken."""
        app = only_for(allowed_hosts, make_wsgi_app(self.registry))
        return serve(app, host, port, "CONSUMER_METRICS_PORT")

    def checkpointed(self) -> None:
        """A checkpoint was saved just now."""
        self._checkpoint_at = time()

    def behind(self, milliseconds: dict[str, int]) -> None:
        """Show how far each shard that is read is behind, and no other."""
        for gone in self._shards - milliseconds.keys():
            self.behind_seconds.remove(gone)
        self._shards = set(milliseconds)
        for shard, lag in milliseconds.items():
            self.behind_seconds.labels(shard).set(lag / 1000)

    def leases(self, standing: Standing) -> None:
        """Show how the shards are shared out."""
        self._leases.set(standing.held)
        self._lost.set(standing.lost)
        self._alive.set(standing.consumers)
        self._without_owner.set(standing.without_owner)

    def model(self, run_id: str) -> None:
        """Show the run that answers now."""
        self._model.clear()
        self._model.labels(run_id).set(1)


class _Tasks(Collector):
    """How the background tasks stand when somebody asks."""

    def __init__(self, metrics: StreamMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(
            "consumer_background_failures",
            "Failed turns of the background tasks: following the champion, showing the others that this one is alive.",
            labels=["task"],
        )
        failing = GaugeMetricFamily(
            "consumer_background_failing", "1 if the background task failed the last time.", labels=["task"]
        )
        for task in self._metrics.tasks:
            failures.add_metric([task.name], task.failures)
            failing.add_metric([task.name], task.failing is not None)
        yield from (failures, failing)
