"""The settings of the shadow: the service that scores challengers, and what it decides by."""

from __future__ import annotations

from tabular.setting_groups.monitor import MonitorSettings
from tabular.setting_groups.types import Confidence, Count, Port, Positive


class ShadowSettings(MonitorSettings, frozen=True, kw_only=True):
    """Where the shadow listens, how often it reads and decides, and by what evidence."""

    shadow_metrics_host: str = "127.0.0.1"
    """The address on which the shadow shows its metrics."""

    shadow_metrics_port: Port = 8087
    """The port of the shadow's Prometheus metrics."""

    shadow_poll_seconds: Positive = 1.0
    """How long the shadow rests when it has scored all predictions."""

    shadow_interval_seconds: Positive = 30.0
    """How often the shadow reads new labels and decides. However often, its error is the same."""

    shadow_confidence: Confidence = 0.95
    """How sure it must be that a model is better, or worse: it errs with half of the rest on each side, ever."""

    shadow_max_labels: Count = 20_000
    """After so many labelled predictions a challenger that is neither better nor worse is dropped."""

    shadow_max_days: Positive = 30.0
    """After so many days a challenger that is neither better nor worse is dropped."""

    shadow_previous_days: Positive = 7.0
    """How long the champion of before a promotion stays in the shadow, to be rolled back to if it was better."""
