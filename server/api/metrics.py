"""The API's Prometheus metrics, the same from every gunicorn worker: all count into files of one folder."""

from __future__ import annotations

import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, wraps
from typing import ParamSpec

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from server.api.labels.metrics import LabelFiguresCollector
from server.outbox.queue import Outbox
from server.scoring.model import Model
from tabular.errors import Unavailable
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.prediction import Prediction
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SINGLE, BATCH, LABELS, OTHER = "/predict", "/predict/batch", "/labels", "other"
ROUTES = (SINGLE, BATCH, LABELS)
Paths = Mapping[str, tuple[str, str]]
"""By path the route and the table that its requests are counted under: a table's own path is no route of its own."""

Given = ParamSpec("Given")


def _never_fails(count: Callable[Given, None]) -> Callable[Given, None]:
    """What is on disk is served, even if it cannot be counted."""

    @wraps(count)
    def counted(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            count(*args, **kwargs)
        except Exception:
            log.exception("the metrics could not be written")

    return counted


class ApiMetrics:
    """The metrics of one worker; each is counted where the thing happens."""

    def __init__(self, outbox: Outbox, paths: Paths) -> None:
        self._outbox = outbox
        self._paths = paths
        self._registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "http_requests",
            "Requests responded to, by route, table and status.",
            ["route", "table", "status"],
            registry=self._registry,
        )
        self._seconds = prometheus.Histogram(
            "http_request_duration_seconds",
            "From the head of the request read to the response ready, with the prediction or label on disk.",
            ["route", "table"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._rows = prometheus.Counter(
            "api_rows", "Rows of requests, by outcome.", ["table", "outcome"], registry=self._registry
        )
        self._labels = prometheus.Counter(
            "api_labels", "Labels of requests, by outcome.", ["table", "outcome"], registry=self._registry
        )
        self._shed = prometheus.Counter(
            "http_requests_shed", "Requests rejected because too many were queued.", registry=self._registry
        )
        self._replays = prometheus.Counter(
            "http_requests_replayed",
            "Requests repeated with their Idempotency-Key; they got the first response.",
            registry=self._registry,
        )
        self._features = prometheus.Counter(
            "api_feature_values",
            "Values of served rows that were missing, unknown or out of the training range.",
            ["table", "feature", "kind"],
            registry=self._registry,
        )
        self._model = prometheus.Gauge(
            "api_model_workers",
            "How many workers serve a run.",
            ["table", "run_id", "bundle"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._failures = prometheus.Counter(
            "api_background_failures",
            "Failed runs of the background tasks: relaying the outbox, following the champion, pinging the store.",
            ["task"],
            registry=self._registry,
        )
        self._failing = prometheus.Gauge(
            "api_background_failing",
            "How many workers whose background task failed in its last run.",
            ["task"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._counted_failures: dict[str, int] = {}
        self._shown: dict[str, Model] = {}
        # Bound once: a look-up of a label costs more than counting.
        self._by_table = cache(lambda table: (self._rows.labels(table, "served"), self._rows.labels(table, "rejected")))
        self._latency = {path: self._seconds.labels(*counted_as) for path, counted_as in paths.items()}
        self._ok = {path: self._requests.labels(*counted_as, "200") for path, counted_as in paths.items()}

    @_never_fails
    def served(self, path: str, seconds: float) -> None:
        """Count a request that is responded to as it asked, and its duration."""
        self._ok[path].inc()
        self._latency[path].observe(seconds)

    @_never_fails
    def error(self, path: str, status: int) -> None:
        """Count an error response, of a path that is none of ours as `other`."""
        self._requests.labels(*self._paths.get(path, (OTHER, "")), str(status)).inc()

    @_never_fails
    def replayed(self) -> None:
        """Count a request that got the response which its key had been given before."""
        self._replays.inc()

    @_never_fails
    def shed(self) -> None:
        """Count a request that was rejected because too many were queued."""
        self._shed.inc()

    @_never_fails
    def row(self, prediction: Prediction) -> None:
        """Count a single row that was served, and what was odd about its values."""
        self._by_table(prediction.table)[0].inc()
        if None in prediction.row.values():
            self._odd(prediction.table, Tally((name, "missing") for name in prediction.missing))
        if prediction.warnings:
            odd = Tally((name, "unknown") for name in prediction.unknown)
            odd.update((name, "out_of_range") for name in prediction.out_of_range)
            self._odd(prediction.table, odd)

    @_never_fails
    def rows(self, batch: PredictionBatch) -> None:
        """Count rows that were served together, and what was odd about their values."""
        self._by_table(batch.table)[0].inc(len(batch))
        self._odd(batch.table, batch.odd_values())

    @_never_fails
    def rejected_rows(self, table: str, rows: int) -> None:
        """Count rows that are not valid under the table's contract."""
        if rows:
            self._by_table(table)[1].inc(rows)

    @_never_fails
    def labels(self, table: str, accepted: int, blank: int) -> None:
        """Count labels that are on disk, and those that were left out because they are not known yet."""
        self._labels.labels(table, "accepted").inc(accepted)
        self._labels.labels(table, "blank").inc(blank)

    def _odd(self, table: str, values: Tally[tuple[str, str]]) -> None:
        for (feature, kind), count in values.items():
            self._features.labels(table, feature, kind).inc(count)

    def model(self, model: Model) -> None:
        """Note which model of its table this worker serves from now on."""
        before = self._shown.get(model.table)
        if model is before:
            return
        if before is not None:
            self._gauge(before).set(0)
        self._by_table(model.table)  # from 0 on, not from the first row
        self._gauge(model).set(1)
        self._shown[model.table] = model

    def _gauge(self, model: Model) -> prometheus.Gauge:
        return self._model.labels(model.table, model.run_id, model.bundle.digest[:12])

    def background(self, tasks: Sequence[BackgroundTask]) -> None:
        """Show how the background tasks stand."""
        for task in tasks:
            self._failing.labels(task.name).set(task.failing is not None)
            failures = task.failures
            self._failures.labels(task.name).inc(failures - self._counted_failures.get(task.name, 0))
            self._counted_failures[task.name] = failures

    def exposition(self) -> bytes:
        """Every metric of every worker, as text."""
        registry = prometheus.CollectorRegistry()
        try:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        except ValueError:  # not under gunicorn: one process, one registry
            registry.register(self._registry)
        registry.register(_OutboxCollector(self._outbox))
        registry.register(LabelFiguresCollector(self._outbox.folder))
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
        yield GaugeMetricFamily(
            "api_outbox_predictions", "Predictions and labels that wait for the store.", value=current.depth
        )
        yield GaugeMetricFamily(
            "api_outbox_lag_seconds",
            "Age of the oldest that waits for the store.",
            value=current.oldest_age_seconds,
        )
        yield GaugeMetricFamily("api_outbox_bytes", "Size of the outbox on disk.", value=current.bytes_on_disk)
        yield GaugeMetricFamily(
            "api_outbox_rejected_predictions",
            "Predictions and labels that the store rejected.",
            value=current.rejected,
        )
        yield GaugeMetricFamily(
            "api_outbox_damaged_files", "Damaged outbox files that were set aside.", value=status.set_aside
        )
