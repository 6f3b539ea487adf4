"""The shadow's Prometheus metrics, on a small HTTP server of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.shadow.candidates import ROLES, Candidate, Role
from tabular.process.background import BackgroundTask
from tabular.process.metrics_server import only_for, serve
from tabular.quality.sequential.challenge import Evidence
from tabular.settings import Settings

OF_A_MODEL = ("table", "role")


class ShadowMetrics:
    """The metrics of all tables; `tasks` has the background tasks, each with its table."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tasks: Sequence[tuple[str, BackgroundTask]] = ()
        self._scores = self._counter("shadow_scores", "Stored predictions scored by a model in the shadow.")
        self._not_comparable = self._counter(
            "shadow_not_comparable", "Stored predictions that the contract of a model in the shadow does not allow."
        )
        self._decisions = Counter(
            "shadow_decisions", "Decisions about models in the shadow.", ["table", "action"], registry=self.registry
        )
        self._lag_seconds = self._gauge("shadow_lag_seconds", "Age of the oldest prediction not scored yet, 0 if none.")
        self._labels = self._gauge("shadow_labels", "Labelled predictions that the decision rests on so far.")
        self._gain = self._gauge("shadow_gain", "By how much the mean loss is lower than the champion's, -1 to 1.")
        self._low = self._gauge("shadow_gain_low", "The lower end of the gain's interval, which holds at any time.")
        self._high = self._gauge("shadow_gain_high", "The upper end of the gain's interval, which holds at any time.")
        self._model = Gauge(
            "shadow_model_info", "The runs in the shadow.", [*OF_A_MODEL, "run_id"], registry=self.registry
        )
        self.registry.register(_Tasks(self))

    def scored(self, table: str, role: Role, new: int, left_out: int) -> None:
        """So many predictions were scored, and so many could not be."""
        self._scores.labels(table, role).inc(new)
        self._not_comparable.labels(table, role).inc(left_out)

    def lag(self, table: str, role: Role, seconds: float) -> None:
        """Show how far behind the predictions a model is."""
        self._lag_seconds.labels(table, role).set(seconds)

    def evidence(self, table: str, role: Role, found: Evidence) -> None:
        """Show what the labels say so far."""
        self._labels.labels(table, role).set(found.labels)
        self._gain.labels(table, role).set(found.gain)
        self._low.labels(table, role).set(found.interval.low)
        self._high.labels(table, role).set(found.interval.high)

    def decided(self, table: str, action: str) -> None:
        """A decision was carried out."""
        self._decisions.labels(table, action).inc()

    def models(self, table: str, candidates: Sequence[Candidate]) -> None:
        """Show which runs are in the shadow of a table, and nothing of a role that none has."""
        self._model.remove_by_labels({"table": table})
        for candidate in candidates:
            self._model.labels(table, candidate.role, candidate.run_id).set(1)
        for role in ROLES - {candidate.role for candidate in candidates}:
            for gauge in (self._lag_seconds, self._labels, self._gain, self._low, self._high):
                gauge.remove_by_labels({"table": table, "role": role})

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(name, meaning, OF_A_MODEL, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, OF_A_MODEL, registry=self.registry)


def serve_metrics(metrics: ShadowMetrics, settings: Settings) -> Callable[[], None]:
    """Serve the metrics; returns what stops it. Raises InvalidSetting for a port that is taken."""
    app = only_for(settings.allowed_hosts, make_wsgi_app(metrics.registry))
    return serve(app, settings.shadow_metrics_host, settings.shadow_metrics_port, "SHADOW_METRICS_PORT")


class _Tasks(Collector):
    """The state of the background tasks at the time of the scrape."""

    def __init__(self, metrics: ShadowMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(
            "shadow_background_failures", "Failed runs of the shadow's tasks.", labels=["table", "task"]
        )
        failing = GaugeMetricFamily(
            "shadow_background_failing", "1 if the task failed in its last run.", labels=["table", "task"]
        )
        for table, task in self._metrics.tasks:
            failures.add_metric([table, task.name], task.failures)
            failing.add_metric([table, task.name], task.failing is not None)
        yield from (failures, failing)
