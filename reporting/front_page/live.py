"""The monitor's gauges of each run: drift by feature, alarms, quality measured and estimated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

Values = dict[str, float]
"""By feature, metric or kind of alarm."""


@dataclass
class LiveRun:
    """A run whose predictions are in the window, with the gauges that the monitor shows of it; {} of what is unknown.

    `quality` and its interval are measured on labels, and `reference` on the rows held out in training; `estimated` is
    what scores alone let expect.
    """

    run_id: str
    rows: float = 0.0
    mean_score: float | None = None
    labels: float = 0.0
    distance: Values = field(default_factory=dict)
    p_value: Values = field(default_factory=dict)
    severity: Values = field(default_factory=dict)
    drifted: Values = field(default_factory=dict)
    alarm: Values = field(default_factory=dict)
    evidence: Values = field(default_factory=dict)
    alarm_since: Values = field(default_factory=dict)
    quality: Values = field(default_factory=dict)
    quality_low: Values = field(default_factory=dict)
    quality_high: Values = field(default_factory=dict)
    reference: Values = field(default_factory=dict)
    estimated: Values = field(default_factory=dict)
    estimated_low: Values = field(default_factory=dict)
    estimated_high: Values = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The features that were compared, the most moved first."""
        return sorted(self.distance, key=lambda name: (-self.drifted.get(name, 0), -self.severity.get(name, 0), name))

    @property
    def drifted_features(self) -> list[str]:
        """The features that drifted, the most moved first."""
        return [name for name in self.features if self.drifted.get(name)]

    @property
    def raised(self) -> list[str]:
        """The kinds of alarms that stand."""
        return [kind for kind, stands in self.alarm.items() if stands]


_NUMBERS = {
    "monitor_window_rows": "rows",
    "monitor_score_mean": "mean_score",
    "monitor_quality_labelled_predictions": "labels",
}
_BY_LABEL = {
    "monitor_feature_drift_distance": ("distance", "feature"),
    "monitor_feature_drift_p_value": ("p_value", "feature"),
    "monitor_feature_drift_severity": ("severity", "feature"),
    "monitor_feature_drifted": ("drifted", "feature"),
    "monitor_alarm": ("alarm", "kind"),
    "monitor_alarm_evidence": ("evidence", "kind"),
    "monitor_alarm_start_timestamp_seconds": ("alarm_since", "kind"),
    "monitor_quality": ("quality", "metric"),
    "monitor_quality_low": ("quality_low", "metric"),
    "monitor_quality_high": ("quality_high", "metric"),
    "monitor_quality_reference": ("reference", "metric"),
    "monitor_estimated_quality": ("estimated", "metric"),
    "monitor_estimated_quality_low": ("estimated_low", "metric"),
    "monitor_estimated_quality_high": ("estimated_high", "metric"),
}


def live_runs(metrics_page: bytes) -> Mapping[str, list[LiveRun]]:
    """The runs of each table that are in the monitor's windows, those with the most predictions first."""
    tables: dict[str, dict[str, LiveRun]] = defaultdict(dict)
    for name, labels, value in _samples(metrics_page):
        if "table" not in labels or "run_id" not in labels:
            continue
        known = tables[labels["table"]]
        run = known.setdefault(labels["run_id"], LiveRun(labels["run_id"]))
        if name in _NUMBERS:
            setattr(run, _NUMBERS[name], value)
        elif name in _BY_LABEL:
            attribute, label = _BY_LABEL[name]
            getattr(run, attribute)[labels[label]] = value
    return {table: sorted(runs.values(), key=lambda run: -run.rows) for table, runs in tables.items()}


def _samples(page: bytes) -> Iterator[tuple[str, Mapping[str, str], float]]:
    try:
        for family in text_string_to_metric_families(page.decode(errors="replace")):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value
    except (ValueError, IndexError, KeyError):  # what responds there is no page of metrics, or one that was cut short
        return
