"""Reports and their index as HTML pages that need nothing else: no script, no font, no request."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jinja2
from markupsafe import Markup

from reporting import charts
from reporting.charts import Histogram
from reporting.over_time.chart import line_chart
from reporting.over_time.lines import Line
from reporting.quality import TITLES
from reporting.report import ColumnView, Report
from tabular.quality.slices import slice_metric
from tabular.quality.two_sample import ALPHA, METHOD_NAMES, MIN_DISTANCE


def report_page(report: Report) -> str:
    """The page of one report. Everything that comes from data is escaped."""
    plots = {
        "scores": charts.histogram("Scores: reference and now", report.scores),
        "classes": charts.paired_bars("Predicted classes: reference and now", report.classes),
        "over_time": _over_time(report),
        "volume": charts.stacked_columns("Predictions over time", report.volume, list(report.by_source)),
    }
    return (
        page_environment()
        .get_template("report.html")
        .render(
            report=report,
            plots=plots,
            limits=MIN_DISTANCE,
            alpha=ALPHA,
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


@dataclass(frozen=True)
class TableIndex:
    """The report rows on one table (as `reporting.report.summary` makes them), newest first; `note` is today's news."""

    name: str
    title: str
    reports: Sequence[Mapping[str, Any]]
    note: str = ""


def index_page(tables: Sequence[TableIndex], ran_at: datetime, *, has_history: bool = False) -> str:
    """The index of the reports on every table; one table alone needs no headings. `has_history`: link to that page."""
    template = page_environment().get_template("index.html")
    return template.render(tables=tables, ran_at=ran_at, has_history=has_history)


@functools.cache
def page_environment() -> jinja2.Environment:
    """What renders the pages of this package; everything that comes from data is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "percent": charts.percent,
        "number": charts.number,
        "p_value": _p_value,
        "moment": lambda moment: f"{moment:%d %b %Y, %H:%M:%S} UTC",
        "span": _span,
        "method": lambda name: METHOD_NAMES.get(name, name),
        "measure": TITLES.__getitem__,
        "plot": _plot,
        "evidence": _evidence,
    }
    environment.filters.update(filters)
    return environment


def _plot(view: ColumnView) -> Markup:
    title = f"{view.drift.name}: reference and now"
    if isinstance(view.plot, Histogram):
        return charts.histogram(title, view.plot)
    return charts.paired_bars(title, view.plot)


def _evidence(value: str | float | None) -> Markup | str:
    """A figure, a text, or a link to a page."""
    if isinstance(value, str):
        is_page = value.startswith(("http://", "https://"))
        return Markup('<a href="{}">{}</a>').format(value, value) if is_page else value
    return "unknown" if value is None else charts.number(value)


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 2_880 else f"{minutes / 1_440:.0f} days"
