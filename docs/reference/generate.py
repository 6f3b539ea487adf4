"""Writes the reference pages that come from the code; `make docs` runs it, and a test holds the pages against it."""

from __future__ import annotations

import ast
import itertools
import sys
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from python_api import python_api_page

from monitoring.alarms.kinds import KINDS, Alarm
from monitoring.metrics import MonitorCollector
from monitoring.monitor import Monitor, Snapshot
from monitoring.quality import RunQuality
from monitoring.run_metrics import MEAN_LOSSES
from monitoring.run_snapshot import QUANTILES, Comparison, RunSnapshot, Window
from monitoring.table_monitor import TableSnapshot
from server.api.metrics import ApiMetrics
from server.outbox.label_relay import COUNTS_FILE, CountedLabels, LabelFigures
from server.outbox.queue import Outbox
from server.shadow.candidates import Candidate
from server.shadow.metrics import ShadowMetrics
from server.stream.label_metrics import LabelMetrics
from server.stream.metrics import StreamMetrics, registry_of
from tabular.ports.labels import LabelCounts
from tabular.predictions.prediction import Prediction
from tabular.process.background import BackgroundTask
from tabular.quality.drift import ColumnDrift, Drift
from tabular.quality.estimate import Estimate
from tabular.quality.interval import Interval
from tabular.quality.labelled.measured import Measured, MeasuredQuality, SliceMeasures
from tabular.quality.sequential.challenge import Evidence
from tabular.settings import Settings

PAGES = Path(__file__).resolve().parent

PAGE_WIDTH = 118
PARTS = {
    "API": """`http://127.0.0.1:9696/metrics`. The workers count into common files, so that any of them tells for all;
        the outbox is read at each scrape. Only `POST` to `/predict`, `/predict/batch` and `/labels` is timed; the
        paths of a further table count under these routes, with its name as `table`. Error responses at any other path
        count under the route `other`; pages that were served are not counted.""",
    "Consumer": "`http://127.0.0.1:8086/metrics`. Every sample has the label `table`: each table has its own stream.",
    "Shadow": """`http://127.0.0.1:8087/metrics`. `role` is `challenger`, or `previous` for the champion of before a
        promotion; a role that no model has has no gauge. [The shadow](../explanation/shadow.md) says what a gain is and
        when it decides.""",
    "Monitor": """`http://127.0.0.1:8085/metrics`. What is not known has no sample: as long as `monitor_drift_known`
        is 0 there are no drift gauges. Each table of the stack has its own window, and a gauge of a run has the labels
        `table` and `run_id`: each run that predicted in the table's window is monitored by itself, the four with the
        most predictions at most. When the store is down the
        last known drift stays, `monitor_store_up` is 0, and `monitor_last_comparison_timestamp_seconds` falls behind.
        [Drift](../explanation/drift.md) says what the methods mean. The metrics of the process itself
        (`process_*`) are there as Prometheus' own client makes them.""",
}
METRICS_MEASURED = "`roc_auc`, `log_loss`, `macro_log_loss` of several classes; `r2`, `rmse` of a regression"
LABEL_VALUES = {
    ("http_requests", "route"): "`/predict`, `/predict/batch`, `/labels`, `other`",
    ("http_request_duration_seconds", "route"): "`/predict`, `/predict/batch`, `/labels`",
    ("api_labels", "outcome"): "`accepted`, `blank`: not known yet",
    ("labels", "source"): "`api`",
    ("labels", "result"): "`attached`; `corrected`: it replaced an earlier one; `repeated`: it changed nothing; "
    "`waiting` for its prediction, and counted again when it is attached; `orphans`: none came",
    ("api_rows", "outcome"): "`served`, `rejected`",
    ("api_feature_values", "kind"): "`missing`, `unknown`, `out_of_range`",
    ("api_model_workers", "bundle"): "the first 12 digits of the bundle's digest",
    ("api_background_failures", "task"): "`relay`, `follow`, `ping`; of a further table `follow <table>`",
    ("api_background_failing", "task"): "`relay`, `follow`, `ping`; of a further table `follow <table>`",
    ("consumer_background_failures", "task"): "`follow`, `leases`",
    ("consumer_background_failing", "task"): "`follow`, `leases`",
    ("shadow_background_failures", "task"): "`follow`, `score`, `decide`",
    ("shadow_background_failing", "task"): "`follow`, `score`, `decide`",
    ("shadow_decisions", "action"): "`promote`, `drop`, `roll_back`",
    ("consumer_records", "outcome"): "`served`, `dead_letter`",
    ("consumer_failures", "step"): "`read`, `store`, `results`, `dead letters`, `checkpoint`",
    ("monitor_errors", "reason"): "`store`, `model`, `comparison`, `alarm`, `quality`, `count`",
    **{
        (f"monitor_alarm{name}", "kind"): "`drift` of the features, `score`: of what is predicted, `quality`: of losses"
        for name in ("", "_blocks", "_evidence", "_start_timestamp_seconds")
    },
    **{(f"monitor_estimated_quality{end}", "metric"): "`roc_auc`, `log_loss`" for end in ("", "_low", "_high")},
    **{
        (f"monitor_quality{of}{end}", "metric"): METRICS_MEASURED
        for of in ("", "_reference", "_slice", "_slice_reference")
        for end in ("", "_low", "_high")
    },
    ("monitor_predictions_stored", "source"): "`api`, `stream`, `batch`",
    ("monitor_run_info", "bundle"): "the first 12 digits of the bundle's digest",
    ("monitor_score_quantile", "quantile"): "`0.05`, `0.25`, `0.5`, `0.75`, `0.95`",
    ("monitor_feature_drift_distance", "method"): "`ks_distance`, `jensenshannon`",
    ("monitor_feature_drift_p_value", "method"): "`ks`, `two_sample_chisquare`",
}


def settings_page() -> str:
    """The settings, from the fields of `tabular/settings.py` and the docstrings under them."""
    homes = [kind for kind in Settings.__mro__ if kind.__module__.startswith("tabular.")]
    body = [node for kind in homes for node in _fields(sys.modules[kind.__module__], kind.__name__)]
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable; an empty one counts as unset. The defaults are those of the",
        "embedded mode, in which the addresses follow from the ports. `make docs` makes this page from",
        "`tabular/settings.py` and the modules beside it that end in `_settings.py`.",
        "",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    defaults = Settings()
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            default = getattr(defaults, field.target.id)
            shown = f"`{default}`" if str(default) else ""
            said = " ".join(str(ast.literal_eval(text.value)).split())
            lines.append(f"| `{field.target.id.upper()}` | {shown} | {said} |")
    return "\n".join(lines) + "\n"


def _fields(module: ModuleType, name: str) -> list[ast.stmt]:
    """The body of a class of this module."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    return next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def metrics_page() -> str:
    """The metrics, from what the services expose when all there is to tell is told."""
    lines = [
        "# Metrics",
        "",
        _wrapped(
            """Four services expose metrics for Prometheus. A counter begins at 0 when its service starts, except
            `monitor_predictions_stored_total`, which tells how many are in the store; a histogram has `_bucket`,
            `_sum` and `_count`. Times are in seconds. `make docs` makes this page from the code; the alerts are in
            `monitoring/prometheus/alerts.yml`."""
        ),
    ]
    for (title, text), exposed in zip(PARTS.items(), (_api(), _consumer(), _shadow(), _monitor()), strict=True):
        lines += ["", f"## {title}", "", _wrapped(text), "", "| name | type | labels | meaning |", "|---|---|---|---|"]
        families = text_string_to_metric_families(exposed.decode())
        lines += [_metric_line(metric) for metric in families if not metric.name.endswith("_created")]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), PAGE_WIDTH)


def _metric_line(metric: Metric) -> str:
    labels = dict.fromkeys(name for sample in metric.samples for name in sample.labels if name != "le")
    told = []
    for label in labels:
        values = LABEL_VALUES.get((metric.name, label))
        told.append(f"`{label}`" + (f": {values}" if values else ""))
    name = metric.name + ("_total" if metric.type == "counter" else "")
    return f"| `{name}` | {metric.type} | {'; '.join(told)} | {metric.documentation} |"


# Each of these tells its metrics everything there is to tell, so that every metric has a sample with all its labels.


def _api() -> bytes:
    bundle = SimpleNamespace(digest="", contract=SimpleNamespace(table=SimpleNamespace(name="")))
    prediction = Prediction(
        id="",
        made_at=datetime.now(UTC),
        table="",
        run_id="",
        contract="",
        source="api",
        row={"": None},
        score=0.5,
    )
    with tempfile.TemporaryDirectory() as folder:
        metrics = ApiMetrics(Outbox(Path(folder), 10_000_000, "normal"), {"/predict": ("/predict", "")})
        metrics.served("/predict", 0.0)
        metrics.row(prediction)
        metrics.labels("", 1, 1)
        figures = LabelFigures((CountedLabels("", "api", LabelCounts(1, 1, 1, 1, 1)),), 1)
        (Path(folder) / COUNTS_FILE).write_bytes(msgspec.json.encode(figures))
        metrics.model(cast(Any, SimpleNamespace(table="", run_id="", bundle=bundle)))
        metrics.background([BackgroundTask("follow", lambda: None, 1.0)])
        return metrics.exposition()


def _consumer() -> bytes:
    metrics = StreamMetrics()
    LabelMetrics(metrics.registry)
    metrics.lag({"": 0})
    metrics.model("", "")
    metrics.tasks = [BackgroundTask("follow", lambda: None, 1.0)]
    return generate_latest(registry_of({"": metrics}))


def _shadow() -> bytes:
    metrics = ShadowMetrics()
    metrics.scored("", "challenger", 0, 0)
    metrics.lag("", "challenger", 0.0)
    metrics.evidence("", "challenger", Evidence("undecided", 0, 0.0, Interval(-1.0, 1.0)))
    metrics.decided("", "promote")
    metrics.models("", [Candidate("challenger", "", None)])
    metrics.tasks = [("", BackgroundTask("follow", lambda: None, 1.0))]
    return generate_latest(metrics.registry)


def _monitor() -> bytes:
    column = ColumnDrift(
        "", "values", "ks", 1.0, "ks_distance", 0.0, drifted=False, missing_share=0.0, reference_missing_share=0.0
    )
    count = {"": 0}
    bundle = SimpleNamespace(digest="", contract=SimpleNamespace(table=SimpleNamespace(name="")))
    monitor = Monitor(cast(Any, None), [], window_rows=1, min_rows=1)
    monitor.failures.counts["store"] += 1
    window = Window(1, 1, 0.0, 0, 0.0, 0.0, 0.5, dict.fromkeys(QUANTILES, 0.5), count, count, count, count)
    comparison = Comparison(Drift(1, 1, (column,), column, predicted_class=column), 1, 0.0, 0.0)
    alarms = dict.fromkeys(KINDS, Alarm(1.0, 0.0, 1, 0.0, {"": 1.0}, dict.fromkeys(MEAN_LOSSES, 0.1)))
    measures = {"": Measured(1.0, Interval(0.0, 1.0))}
    measured = MeasuredQuality(1, 0, measures, (SliceMeasures("", "", 1, measures),))
    quality = RunQuality(measured, measured, 0.0)
    run = RunSnapshot(
        window,
        model_up=True,
        bundle=cast(Any, bundle),
        comparison=comparison,
        alarms=alarms,
        quality=quality,
        estimates={"": Estimate(1.0, Interval(0.0, 1.0))},
    )
    monitor.snapshot = Snapshot(
        checked_at=0.0,
        store_up=True,
        tables={"": TableSnapshot({"": run}, newest_at=0.0, reported_at=0.0, trained_at=0.0)},
        by_source={("", "api"): 1},
        foreign=0,
    )
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    return generate_latest(registry)


PAGE_MAKERS = {"settings.md": settings_page, "metrics.md": metrics_page, "python-api.md": python_api_page}


def main() -> None:
    """Write every page."""
    for name, make in PAGE_MAKERS.items():
        (PAGES / name).write_text(make())
        sys.stdout.write(f"wrote {PAGES / name}\n")


if __name__ == "__main__":
    main()
