"""The page of a comparison: HTML that needs nothing else, no script, no request."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reporting import charts
from reporting.charts import Histogram
from reporting.comparison.comparison import ColumnRow, Comparison
from reporting.comparison.small_plots import small_plot
from reporting.interactive.link import EvidentlyPage
from reporting.page import report_environment
from tabular.quality.two_sample import ALPHA, MIN_DISTANCE


def comparison_page(comparison: Comparison, evidently: Sequence[EvidentlyPage] = ()) -> str:
    """The page, with links to Evidently's of the same data where there are some. What comes from data is escaped."""
    return (
        report_environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            drawn=[(row, _drawings(row, comparison)) for row in (*comparison.beside, *comparison.drawn)],
            limits=MIN_DISTANCE,
            alpha=ALPHA,
            evidently=evidently,
        )
    )


def _drawings(row: ColumnRow, comparison: Comparison) -> list[Markup | None]:
    drawings: list[Markup | None] = []
    for one, plot in zip(comparison.sets, row.plots, strict=True):
        title = f"{row.name}: {one.pair.reference.name} and {one.name}"
        if plot is None:
            drawings.append(None)
        elif len(comparison.sets) > 1:
            drawings.append(small_plot(title, plot))
        elif isinstance(plot, Histogram):
            drawings.append(charts.histogram(title, plot))
        else:
            drawings.append(charts.paired_bars(title, plot))
    return drawings
