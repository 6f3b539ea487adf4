"""The metrics of a labels stream, beside those of the predictions of its table."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from server.stream.leases import LeaseSummary
from tabular.ports.labels import LabelCounts

STEPS = ("read", "store", "dead letters", "checkpoint")


class LabelMetrics:
    """The metrics of one table's labels stream at one consumer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "consumer_label_records", "Records of the labels stream, by outcome.", ["outcome"], registry=registry
        )
        for outcome in ("accepted", "blank", "dead_letter"):
            self.records.labels(outcome)
        self._results = Counter(
            "consumer_labels", "What became of labels from the stream.", ["result"], registry=registry
        )
        for result in LabelCounts._fields:
            self._results.labels(result)
        self.failures = Counter(
            "consumer_label_failures",
            "Failed attempts to reach the labels stream or the store.",
            ["step"],
            registry=registry,
        )
        for step in STEPS:
            self.failures.labels(step)
        self.batch_seconds = Histogram(
            "consumer_label_batch_duration_seconds",
            "From labels read to the checkpoint saved.",
            buckets=(0.01, 0.1, 1, 10),
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "consumer_label_lag_seconds", "Age of the oldest unread label, 0 if there is none.", registry=registry
        )
        self._leases = Gauge(
            "consumer_label_leases_held", "Shards of the labels stream that this consumer reads.", registry=registry
        )
        self._checkpoint = Gauge(
            "consumer_label_last_checkpoint_timestamp_seconds",
            "When the last checkpoint of labels was saved, or the consumer started.",
            registry=registry,
        )
        self._checkpoint.set_to_current_time()

    def lag(self, milliseconds: dict[str, int]) -> None:
        """Show the lag of the shard that is furthest behind."""
        self._lag_seconds.set(max(milliseconds.values(), default=0) / 1000)

    def leases(self, summary: LeaseSummary) -> None:
        """Show how many shards are read here."""
        self._leases.set(summary.held)

    def checkpointed(self) -> None:
        """A checkpoint was saved just now."""
        self._checkpoint.set_to_current_time()

    def became(self, counts: LabelCounts) -> None:
        """Labels were saved, with these results."""
        for result, count in counts._asdict().items():
            self._results.labels(result).inc(count)
