"""What the monitor looks at, in memory, with switches to be down; and what it says on its page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.metrics import MonitorCollector
from server.model import Model
from tabular.columns import columns_of
from tabular.errors import Unavailable
from tabular.row import RowCodec
from tabular.sample import Sample

RUN = "a" * 32
START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryStore:
    """The part of the port that the monitor reads, with a switch to be down."""

    def __init__(self) -> None:
        self.predictions = []
        self.is_down = False
        self.reads = 0
        self.counts = 0
        self.is_too_large_to_count = False
        self.unreadable = 0

    def _up(self) -> None:
        self.reads += 1
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")

    def latest(self, limit, run_id=None):
        self._up()
        return [found for found in self.predictions if run_id in (None, found.run_id)][:limit]

    def sample_latest(self, newest, most, run_id):
        found = self.latest(newest, run_id)
        if len(found) <= most:
            return Sample(found)
        share = 0.5 ** math.ceil(math.log2(len(found) / most))
        return Sample(found[:: round(1 / share)], share)

    def count_by_door(self):
        self.counts += 1
        if self.is_too_large_to_count:
            raise Unavailable("the prediction store", "it took too long")
        return {"api": len(self.predictions)}

    def reports(self, limit):
        self._up()
        return [{"made_at": START}][:limit]


class NoRegistry:
    """A registry that is down."""

    def champion(self):
        raise Unavailable("MLflow", "it is switched off")

    def fetch_bundle(self, _run_id, _folder):
        raise Unavailable("MLflow", "it is switched off")


def predict(bundle, frame, run_id=RUN):
    """Predictions of reference-like rows, newest first."""
    codec = RowCodec(bundle.contract)
    names = list(bundle.contract.feature_names)
    records = frame[names].astype(object).where(frame[names].notna(), None).to_dict("records")
    rows = columns_of([codec.parse(record) for record in records])
    made = Model(run_id, bundle).many(rows, [f"{run_id}{at}" for at in range(len(frame))], "api")
    return [msgspec.structs.replace(p, made_at=START - timedelta(seconds=at)) for at, p in enumerate(made)]


def samples(monitor) -> dict[str, float]:
    """What /metrics says: `name` or `name{value of label,…} (labels by name)` to value."""
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        sample.name
        + (
            "{" + ",".join(value for _, value in sorted(sample.labels.items())) + "}" if sample.labels else ""
        ): sample.value
        for family in families
        for sample in family.samples
    }
