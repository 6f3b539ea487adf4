"""The page of a table's profile: it needs nothing else, no script, no font, no request."""

from __future__ import annotations

from markupsafe import Markup

from reporting.charts import Histogram, histogram, paired_bars
from reporting.rendering import page_environment
from reporting.table_profile import charts
from reporting.table_profile.profile import ProfiledColumn, TableProfile


def profile_page(profile: TableProfile) -> str:
    """The page. Everything that comes from data is escaped."""
    map_of_pairs = charts.heat_map("How closely columns go together", profile.related, profile.matrix)
    plots = {one.name: (_distribution(one), _by_target(one, profile)) for one in profile.columns}
    template = page_environment().get_template("profile.html")
    return template.render(profile=profile, plots=plots, heat_map=map_of_pairs)


def _distribution(column: ProfiledColumn) -> Markup:
    title, plot = f"Distribution of {column.name}", column.plot
    if column.drift is not None:
        return histogram(title, plot) if isinstance(plot, Histogram) else paired_bars(title, plot)
    return charts.distribution(title, plot) if isinstance(plot, Histogram) else charts.shares(title, plot)


def _by_target(column: ProfiledColumn, profile: TableProfile) -> Markup:
    if not column.by_target:
        return Markup()
    is_share = profile.target_measure.startswith("share")
    return charts.by_target(f"{profile.target_measure} by {column.name}", column.by_target, is_share=is_share)
