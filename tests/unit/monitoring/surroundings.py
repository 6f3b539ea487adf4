"""A store in memory for the monitor, and what its page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.alarms.alarms import Alarms, AlarmStores
from monitoring.metrics import MonitorCollector
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.memory.ledger import MemoryLedger
from tests.adapters.memory.predictions import MemoryPredictions

RUN, TABLE = "a" * 32, "credit_card_churn"
START = datetime(2026, 1, 1, tzinfo=UTC)


def monitored_store() -> MemoryPredictions:
    """A store with one report."""
    store = MemoryPredictions()
    store.save_report({"_id": "report", "table": TABLE, "made_at": START})
    return store


def alarms_of(store, blocks=None, loss_blocks=None, ledger=None) -> Alarms:
    """The alarms of the first table, with blocks of 300 s."""
    stores = AlarmStores(store, blocks or MemoryBlocks(), loss_blocks or MemoryBlocks(), ledger or MemoryLedger())
    return Alarms(stores, TABLE, 300.0)


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
