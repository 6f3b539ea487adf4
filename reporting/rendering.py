"""What every page is rendered with: the templates, and how figures, times and measures are written.

It imports nothing heavy: a process that runs all day renders a page with it every few seconds.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2
from markupsafe import Markup

from reporting import charts

TITLES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "r2": "R²",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "share_off_by_more": "share off by more",
    "positive_share": "positive share",
    "mean_score": "mean score",
}
"""The measures of a report, in order. F1 is none: the threshold that it is taken at is chosen in training."""


@functools.cache
def page_environment() -> jinja2.Environment:
    """What renders the pages that show no rows; everything that comes from data is escaped."""
    return new_environment()


def new_environment() -> jinja2.Environment:
    """The same anew, for who adds filters of its own."""
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
        "moment": lambda moment: f"{moment:%d %b %Y, %H:%M:%S} UTC",
        "since_1970": lambda seconds: datetime.fromtimestamp(seconds, UTC),
        "span": _span,
        "measure": lambda name: TITLES.get(name, name.replace("_", " ")),
        "evidence": _evidence,
    }
    environment.filters.update(filters)
    return environment


def _evidence(value: str | float | None) -> Markup | str:
    """A figure, a text, or a link to a page."""
    if isinstance(value, str):
        is_page = value.startswith(("http://", "https://"))
        return Markup('<a href="{}">{}</a>').format(value, value) if is_page else value
    return "unknown" if value is None else charts.number(value)


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 2_880 else f"{minutes / 1_440:.0f} days"
