"""The timeline of a table's model health as inline SVG: what was decided, over drift, score, quality and volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from reporting.charts import axis, number, svg
from reporting.front_page.health import HealthPoint
from reporting.history.chart import COLOURS, EDGE, GAP, NAME_WIDTH, ROW, WIDTH, Scale, bars, lines, marks, row_name
from reporting.history.timeline import History, Measured
from reporting.rendering import TITLES

PANEL = 84.0
VOLUME = 60.0
LEAST_WIDTH = 1.5
HEADLINES = ("roc_auc", "r2", "log_loss", "rmse")
"""The metrics of which the first that is known is drawn."""


@dataclass(frozen=True)
class Panel:
    """A measure over time: what the row is called, in one or two lines, and its values by run."""

    names: tuple[str, ...]
    runs: Sequence[Measured]


def health_timeline(history: History, predictions: Sequence[HealthPoint], labels: Sequence[HealthPoint]) -> Markup:
    """The drawing; what has nothing to show is left out."""
    scale, top, body = Scale(history.since, history.until), GAP, Markup()
    for name, drawn in _event_rows(scale, history):
        body += row_name(name, top) + drawn(top)
        top += ROW + GAP
    colours = _colours(history, [*predictions, *labels])
    for panel in panels(predictions, labels, colours):
        body += _panel(scale, panel, top)
        top += PANEL + GAP
    if predictions:
        body += _volume(scale, predictions, colours, top)
        top += VOLUME + GAP
    return svg(f"Model health of {history.title} over time", top + 22, body + axis(scale.ticks(), top, WIDTH), WIDTH)


def panels(predictions: Sequence[HealthPoint], labels: Sequence[HealthPoint], colours: dict[str, int]) -> list[Panel]:
    """The measures that are known at some time, measured quality apart from what is estimated."""
    found = [
        Panel(("drift",), _by_run(predictions, lambda point: point.distance, colours)),
        Panel(("mean score",), _by_run(predictions, lambda point: point.mean_score, colours)),
    ]
    if metric := headline(point.measures for point in labels):
        measured = _by_run(labels, _value_of(metric, "measures"), colours)
        found.append(Panel((TITLES[metric], "measured"), measured))
    if metric := headline(point.estimates for point in predictions):
        estimated = _by_run(predictions, _value_of(metric, "estimates"), colours)
        found.append(Panel((TITLES[metric], "estimated"), estimated))
    found.append(Panel(("mean loss", "measured"), _by_run(labels, lambda point: point.mean_loss, colours)))
    return [panel for panel in found if panel.runs]


def _value_of(metric: str, kind: Literal["measures", "estimates"]) -> Callable[[HealthPoint], float | None]:
    return lambda point: (point.measures if kind == "measures" else point.estimates).get(metric)


def headline(found: Iterable[Iterable[str]]) -> str | None:
    """The metric that a timeline is drawn of: the first of HEADLINES that is among these names."""
    known = {name for names in found for name in names}
    return next((name for name in HEADLINES if name in known), None)


def _event_rows(scale: Scale, history: History) -> list[tuple[str, Callable[[float], Markup]]]:
    rows: list[tuple[str, Callable[[float], Markup]]] = [
        ("champion", lambda top: bars(scale, history.champions, top, by_run=True))
    ]
    if history.challengers:
        rows.append(("challenger", lambda top: bars(scale, history.challengers, top, by_run=False)))
    if history.alarms:
        rows.append(("alarms", lambda top: bars(scale, history.alarms, top, by_run=False)))
    if history.marks:
        rows.append(("events", lambda top: marks(scale, history.marks, top)))
    return rows


def _colours(history: History, points: Iterable[HealthPoint]) -> dict[str, int]:
    """A run has the colour that it has as champion; the others follow."""
    found = {bar.name: bar.colour for bar in history.champions}
    for point in points:
        found.setdefault(point.run_id, len(found))
    return found


def _by_run(
    points: Sequence[HealthPoint], value: Callable[[HealthPoint], float | None], colours: dict[str, int]
) -> list[Measured]:
    found: dict[str, list[tuple[datetime, float]]] = {}
    for point in points:
        if (known := value(point)) is not None:
            found.setdefault(point.run_id, []).append((point.until, known))
    return [Measured(run_id, values, colours[run_id]) for run_id, values in found.items()]


def _panel(scale: Scale, panel: Panel, top: float) -> Markup:
    body = Markup()
    for at, name in enumerate(panel.names):
        body += row_name(name, top + PANEL / 2 - ROW / 2 + 14 * (at - (len(panel.names) - 1) / 2))
    return body + lines(scale, panel.runs, top, PANEL)


def _volume(scale: Scale, points: Sequence[HealthPoint], colours: dict[str, int], top: float) -> Markup:
    most = max(point.rows_a_minute for point in points) or 1.0
    base = top + VOLUME
    body = row_name("predictions", top + VOLUME / 2 - ROW / 2 - 7) + row_name(
        "a minute", top + VOLUME / 2 - ROW / 2 + 7
    )
    for point in points:
        left = scale.x(point.since)
        width = max(scale.x(point.until) - left - 0.5, LEAST_WIDTH)
        height = (VOLUME - 12) * point.rows_a_minute / most
        body += Markup('<rect class="source{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            colours[point.run_id] % COLOURS, left, base - height, width, height
        )
    text = Markup('<text class="most" x="{:.1f}" y="{:.1f}">{}</text>')
    return body + text.format(NAME_WIDTH - EDGE, top + 16, number(most))
