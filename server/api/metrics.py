"""The API's Prometheus metrics, the same whichever gunicorn worker is asked: all count into files of one folder."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Sequence

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from server.outbox.queue import Outbox
from server.scoring.model import Model
from tabular.errors import Unavailable
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.prediction import Prediction
from tabular.process.background import BackgroundTask

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SINGLE, BATCH, OTHER = "/predict", "/predict/batch", "other"
ROUTES = (SINGLE, BATCH)


class ApiMetrics:
    """What the API counts; the names all begin with `api_`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "api_requests", "Requests answered, by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = prometheus.Histogram(
            "api_request_seconds",
            "From the request read to the answer ready; of a single row, written down as well.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._rows = prometheus.Counter(
            "api_rows", "Rows of requests, by outcome.", ["outcome"], registry=self._registry
        )
        self._shed = prometheus.Counter(
            "api_requests_shed", "Requests sent away unread because too many waited.", registry=self._registry
        )
        self._replays = prometheus.Counter(
            "api_replays",
            "Requests whose Idempotency-Key had been answered before, with the same body; they got that answer.",
            registry=self._registry,
        )
        self._features = prometheus.Counter(
            "api_feature_values",
            "Values of answered rows that were missing, unknown or out of the training range.",
            ["feature", "kind"],
            registry=self._registry,
        )
        self._model = prometheus.Gauge(
            "api_model_workers",
            "How many workers serve a run.",
            ["run_id", "bundle", "contract"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._failures = prometheus.Counter(
            "api_background_failures",
            "Failed turns of the background tasks: draining the outbox, following the champion, looking at the store.",
            ["task"],
            registry=self._registry,
        )
        self._failing = prometheus.Gauge(
            "api_background_failing",
            "How many workers whose background task failed the last time.",
            ["task"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._told_failures: dict[str, int] = {}
        self._present: prometheus.Gauge | None = None
        self._shown: Model | None = None
        # Bound once: looking a label up costs more than counting.
        self._answered, self._refused = self._rows.labels("answered"), self._rows.labels("refused")
        self._latency = {route: self._seconds.labels(route) for route in ROUTES}
        self._ok = {route: self._requests.labels(route, "200") for route in ROUTES}

    def request(self, route: str, status: int, seconds: float | None = None) -> None:
        """Count one request."""
        if status == 200 and route in self._ok:
            self._ok[route].inc()
        else:
            self._requests.labels(route, str(status)).inc()
        if seconds is not None:
            self._latency[route].observe(seconds)

    def answered(self, route: str, seconds: Sequence[float]) -> None:
        """Count requests of one route that were answered together."""
        self._ok[route].inc(len(seconds))
        observe = self._latency[route].observe
        for each in seconds:
            observe(each)

    def replayed(self, route: str, seconds: float) -> None:
        """Count a request that got the answer which its key had been given before."""
        self.answered(route, [seconds])
        self._replays.inc()

    def shed(self, requests: int) -> None:
        """Count requests that were sent away unread because too many waited."""
        self._shed.inc(requests)

    def rows(self, predictions: Sequence[Prediction]) -> None:
        """Count single rows that were answered, and what was odd about their values."""
        self._answered.inc(len(predictions))
        odd: Tally[tuple[str, str]] = Tally()
        for prediction in predictions:
            if None in prediction.row.values():
                odd.update((name, "missing") for name in prediction.missing)
            if prediction.warnings:
                odd.update((name, "unknown") for name in prediction.unknown)
                odd.update((name, "out_of_range") for name in prediction.out_of_range)
        self._odd(odd)

    def batch(self, batch: PredictionBatch) -> None:
        """Count rows that were answered together, and what was odd about their values."""
        self._answered.inc(len(batch))
        self._odd(batch.odd_values())

    def refused(self, rows: int) -> None:
        """Count rows that do not keep the contract."""
        if rows:
            self._refused.inc(rows)

    def _odd(self, values: Tally[tuple[str, str]]) -> None:
        for (feature, kind), count in values.items():
            self._features.labels(feature, kind).inc(count)

    def model(self, model: Model) -> None:
        """Note which model this worker serves from now on."""
        if model is self._shown:
            return
        if self._present is not None:
            self._present.set(0)
        contract = model.bundle.contract.table.name
        self._present = self._model.labels(model.run_id, model.bundle.digest[:12], contract)
        self._present.set(1)
        self._shown = model

    def background(self, tasks: Sequence[BackgroundTask]) -> None:
        """Show how the background tasks stand."""
        for task in tasks:
            self._failing.labels(task.name).set(task.failing is not None)
            failures = task.failures
            self._failures.labels(task.name).inc(failures - self._told_failures.get(task.name, 0))
            self._told_failures[task.name] = failures

    def exposition(self) -> bytes:
        """Every metric of every worker, as text."""
        registry = prometheus.CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        except ValueError:  # not under gunicorn: one process, one registry
            registry.register(self._registry)
        registry.register(_OutboxCollector(self._outbox))
        return prometheus.generate_latest(registry)


class _OutboxCollector:
    """The outbox as it is now: one queue for all workers, so it is read rather than counted."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            status = self._outbox.status()
        except Unavailable:
            yield GaugeMetricFamily("api_outbox_up", "1 if the outbox can be written.", value=0)
            return
        current = status.current
        yield GaugeMetricFamily("api_outbox_up", "1 if the outbox can be written.", value=1)
        yield GaugeMetricFamily("api_outbox_predictions", "Predictions that wait for the store.", value=current.depth)
        yield GaugeMetricFamily(
            "api_outbox_oldest_seconds", "Age of the oldest that waits.", value=current.oldest_age_seconds
        )
        yield GaugeMetricFamily("api_outbox_bytes", "Size of the outbox on disk.", value=current.bytes_on_disk)
        yield GaugeMetricFamily(
            "api_outbox_refused", "Predictions the store refused for good, kept aside.", value=current.refused
        )
        yield GaugeMetricFamily(
            "api_outbox_files_set_aside", "Damaged outbox files that were set aside.", value=status.set_aside
        )
