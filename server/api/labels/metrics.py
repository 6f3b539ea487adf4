"""The metrics of labels: what requests brought, and what became of it, which the relay's process counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from server.outbox.label_relay import read_figures


class LabelFiguresCollector:
    """What became of labels that came by the API: one relay a machine, so that it is read rather than counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """The counts by table, source and result, and how many labels wait."""
        figures = read_figures(self._folder)
        labels = CounterMetricFamily(
            "labels",
            "Labels by what became of them: attached, corrected, repeated, waiting or orphans.",
            labels=["table", "source", "result"],
        )
        for one in figures.counted:
            for result, count in one.counts._asdict().items():
                labels.add_metric([one.table, one.source, result], count)
        yield labels
        yield GaugeMetricFamily(
            "labels_waiting", "Labels in the store that wait for their prediction.", value=figures.waiting
        )
