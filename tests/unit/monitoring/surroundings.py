"""What the monitor looks at, in memory, with switches to be down; and what it says on its page."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.metrics import MonitorCollector
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.errors import Unavailable
from tabular.predictions.sampling import Sample

RUN, TABLE = "a" * 32, "churn"
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

    def latest(self, limit, run_id=None, until=None):
        self._up()
        return [
            found
            for found in self.predictions
            if run_id in (None, found.run_id) and (until is None or found.made_at < until)
        ][:limit]

    def runs(self, _since, until, most, newest):
        return Counter(found.run_id for found in self.latest(newest, until=until)[:most])

    def count_since(self, since, most):
        return min(most, sum(found.made_at >= since for found in self.predictions))

    def sample_latest(self, newest, most, run_id, until=None):
        found = self.latest(newest, run_id, until)
        if len(found) <= most:
            return Sample(found)
        share = 0.5 ** math.ceil(math.log2(len(found) / most))
        return Sample(found[:: round(1 / share)], share)

    def count_by_source(self):
        self.counts += 1
        if self.is_too_large_to_count:
            raise Unavailable("the prediction store", "it took too long")
        return {(TABLE, "api"): len(self.predictions)}

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
    made = ready_model(run_id, bundle).many(rows, [f"{run_id}{at}" for at in range(len(frame))], "api")
    return [msgspec.structs.replace(p, made_at=START - timedelta(seconds=at)) for at, p in enumerate(made)]


def samples(monitor, run_id=RUN) -> dict[str, float]:
    """What /metrics says, of one run and of none: `name` or `name{value of label,…} (labels by name)` to value."""
    families = text_string_to_metric_families(generate_latest(_registry(monitor)).decode())
    found = {}
    for sample in (sample for family in families for sample in family.samples):
        if sample.labels.get("run_id", run_id) == run_id:
            labels = ",".join(value for name, value in sorted(sample.labels.items()) if name not in ("table", "run_id"))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def runs_told(monitor) -> set[str]:
    """The runs that /metrics names."""
    return set(re.findall(r'run_id="(\w+)"', generate_latest(_registry(monitor)).decode()))


def _registry(monitor) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    return registry
