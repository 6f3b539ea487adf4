"""Reports as HTML pages that need nothing else: no script, no font, no request."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from reporting import charts
from reporting.charts import Histogram
from reporting.interactive.link import EvidentlyPage
from reporting.over_time.chart import line_chart
from reporting.over_time.lines import Line
from reporting.rendering import new_environment
from reporting.report import ColumnView, Report
from tabular.quality.slices import slice_metric
from tabular.quality.two_sample import ALPHA, METHOD_NAMES, MIN_DISTANCE


def report_page(report: Report, evidently: Sequence[EvidentlyPage] = ()) -> str:
    """The page of one report, with links to Evidently's pages if there are some. What comes from data is escaped."""
    plots = {
        "scores": charts.histogram("Scores: reference and now", report.scores),
        "classes": charts.paired_bars("Predicted classes: reference and now", report.classes),
        "over_time": _over_time(report),
        "volume": charts.stacked_columns("Predictions over time", report.volume, list(report.by_source)),
    }
    return (
        report_environment()
        .get_template("report.html")
        .render(
            report=report,
            plots=plots,
            limits=MIN_DISTANCE,
            alpha=ALPHA,
            evidently=evidently,
            slice_measure=slice_metric(report.bundle.contract.table.task),
        )
    )


def _over_time(report: Report) -> list[tuple[str, Sequence[Line], Markup]]:
    """The plots of measured quality over time: what each is of, its lines, and the drawing; none with no point."""
    if report.over_time is None or report.quality is None:
        return []
    moments = [f"{moment:%d %b %H:%M}" for moment in report.over_time.moments]
    promised = report.quality.reference.get(slice_metric(report.bundle.contract.table.task))
    return [
        (name, lines, drawing)
        for name, lines in report.over_time.plots
        if (drawing := line_chart(f"Measured quality over time: {name}", moments, lines, promised))
    ]


@functools.cache
def report_environment() -> jinja2.Environment:
    """What renders the pages of reports; everything that comes from data is escaped."""
    environment = new_environment()
    filters: dict[str, Any] = {
        "p_value": _p_value,
        "method": lambda name: METHOD_NAMES.get(name, name),
        "plot": _plot,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    environment.filters.update(filters)
    return environment


def _plot(view: ColumnView) -> Markup:
    title = f"{view.drift.name}: reference and now"
    if isinstance(view.plot, Histogram):
        return charts.histogram(title, view.plot)
    return charts.paired_bars(title, view.plot)


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"
