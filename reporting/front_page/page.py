"""The front page as HTML: one file with its pictures, and a script beside it that fetches the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from markupsafe import Markup

from reporting.charts import Moment, stacked_columns
from reporting.front_page.health_chart import headline, health_timeline
from reporting.front_page.services import ServiceState
from reporting.front_page.table_view import MINUTES, TableView
from reporting.history.chart import WIDTH
from reporting.rendering import page_environment

SCRIPT = "front-page.js"
MAX_FEATURES = 60
MAX_TIMES_LISTED = 24


def front_page(
    services: Sequence[ServiceState],
    tables: Sequence[TableView],
    written_at: datetime,
    interval_seconds: float,
    *,
    has_docs: bool = False,
) -> str:
    """The page. Everything that comes from data is escaped. `has_docs`: `docs` has the documentation."""
    return (
        page_environment()
        .get_template("front_page.html")
        .render(
            services=services,
            down=[one for one in services if not one.is_up],
            tables=tables,
            alarms=[(table, run, kind) for table in tables for run in table.live for kind in run.raised],
            timelines={one.name: health_timeline(one.history, one.health, one.labelled_health) for one in tables},
            volumes={one.name: volume(one) for one in tables},
            metric=headline,
            times_listed=MAX_TIMES_LISTED,
            most_features=MAX_FEATURES,
            written_at=written_at,
            interval_seconds=interval_seconds,
            script=SCRIPT,
            has_docs=has_docs,
        )
    )


def script() -> str:
    """The script of the page."""
    return (Path(__file__).parent / SCRIPT).read_text(encoding="utf-8")


def volume(table: TableView) -> Markup:
    """Predictions a minute in the last hour, by source; nothing where there was none."""
    sources = sorted({source for _, source in table.by_minute})
    if not sources:
        return Markup()
    now = table.read_at.replace(second=0, microsecond=0)
    minutes = [now - timedelta(minutes=at) for at in range(MINUTES, -1, -1)]
    moments = [
        Moment(f"{minute:%H:%M}", [table.by_minute.get((minute, source), 0) for source in sources])
        for minute in minutes
    ]
    return stacked_columns(f"Predictions a minute by source: {table.title}", moments, sources, WIDTH)
