"""Measured quality as Prometheus metrics: how many labels, what they give, and the held-out rows beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitoring.gauge import Gauge
from monitoring.quality import RunQuality
from tabular.quality.estimate import Estimate
from tabular.quality.labelled.measured import Measures


def quality_gauges(quality: RunQuality) -> Iterator[Gauge]:
    """Every gauge of a run's measured quality; a measure that too few labels give has none."""
    measured, reference = quality.measured, quality.reference
    what = "Labelled predictions that quality is measured on, the newest."
    yield Gauge("monitor_quality_labelled_predictions", what, measured.rows)
    unreadable = "Newest labelled predictions whose label is no class, or no number, of the contract."
    yield Gauge("monitor_quality_unreadable_labels", unreadable, measured.unreadable)
    known = "1 if there are enough labels to measure quality: 30, and 5 of each of several classes."
    yield Gauge("monitor_quality_known", known, bool(measured.measures))
    stamp = "When the newest label was attached, in seconds since 1970."
    yield Gauge("monitor_quality_newest_label_timestamp_seconds", stamp, quality.newest_label_at)
    yield from _measures("monitor_quality", "of the newest labelled predictions", measured.measures, {})
    yield from _measures("monitor_quality_reference", "of the rows held out in training", reference.measures, {})
    before = {(one.feature, one.value): one.measures for one in reference.slices}
    for one in measured.slices:
        of = {"feature": one.feature, "value": one.value}
        count = "Labelled predictions that quality is measured on, by slice."
        yield Gauge("monitor_quality_slice_labelled_predictions", count, one.rows, of)
        yield from _measures("monitor_quality_slice", "of the newest labelled predictions of a slice", one.measures, of)
        held_out = before.get((one.feature, one.value), {})
        yield from _measures("monitor_quality_slice_reference", "of a slice of the rows held out", held_out, of)


def estimate_gauges(estimates: Mapping[str, Estimate]) -> Iterator[Gauge]:
    """Every gauge of a run's estimated quality, which no label has confirmed."""
    for metric, (value, (low, high)) in ((name, (one.value, one.interval)) for name, one in estimates.items()):
        what, of = "of the window estimated from scores alone, not measured; blind to concept drift", {"metric": metric}
        yield Gauge("monitor_estimated_quality", f"Quality {what}.", value, of)
        yield Gauge("monitor_estimated_quality_low", f"Lower end of the 95 % interval of the quality {what}.", low, of)
        yield Gauge(
            "monitor_estimated_quality_high", f"Upper end of the 95 % interval of the quality {what}.", high, of
        )


def _measures(name: str, of_what: str, measures: Measures, labels: Mapping[str, str]) -> Iterator[Gauge]:
    for metric, (value, (low, high)) in measures.items():
        of = {**labels, "metric": metric}
        yield Gauge(name, f"Measured quality {of_what}.", value, of)
        yield Gauge(f"{name}_low", f"The lower end of the 95 % interval of the quality {of_what}.", low, of)
        yield Gauge(f"{name}_high", f"The upper end of the 95 % interval of the quality {of_what}.", high, of)
