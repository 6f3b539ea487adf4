"""The timeline of a table as inline SVG: champions, challengers, alarms, decisions, quality over one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from reporting.charts import axis, number, svg
from reporting.history.timeline import Bar, History, Mark, Measured
from reporting.rendering import TITLES

WIDTH, NAME_WIDTH, EDGE = 1_080.0, 96.0, 8.0
ROW, GAP, PLOT = 26.0, 8.0, 120.0
LEAST_WIDTH = 3.0
"""A bar is at least so wide: what lasted a moment is seen, too."""
COLOURS = 4
TICKS = 5
MAX_DOTS = 60
LETTER, LABEL_LETTERS, LEAST_LABELLED = 6.9, 12, 60.0
"""About how wide a letter of a label is, how many there are at most, and how wide a bar is that has one."""


@dataclass(frozen=True)
class Scale:
    """Time from left to right."""

    since: datetime
    until: datetime

    def x(self, at: datetime) -> float:
        """Where a time is; what lies outside is at the edge."""
        whole = max((self.until - self.since).total_seconds(), 1.0)
        place = min(max((at - self.since).total_seconds() / whole, 0.0), 1.0)
        return NAME_WIDTH + place * (WIDTH - NAME_WIDTH - EDGE)

    def ticks(self) -> list[tuple[float, str]]:
        """The texts under the axis, each at its place of the whole width from 0 to 1."""
        span = self.until - self.since
        form = "%H:%M:%S" if span < timedelta(hours=2) else "%d %b %H:%M" if span < timedelta(days=10) else "%d %b %Y"
        times = [self.since + span * at / (TICKS - 1) for at in range(TICKS)]
        # `axis` counts from its own left edge to its right one.
        return [((self.x(at) - EDGE) / (WIDTH - 2 * EDGE), f"{at:{form}}") for at in times]


def timeline(history: History) -> Markup:
    """The whole timeline; a row that has nothing is left out, but that of the champions."""
    scale, body, top = Scale(history.since, history.until), Markup(), GAP
    rows = [
        ("champion", bars(scale, history.champions, top, by_run=True)),
    ]
    for name, found in (("challenger", history.challengers), ("alarms", history.alarms)):
        if found:
            rows.append((name, bars(scale, found, GAP + len(rows) * (ROW + GAP), by_run=False)))
    if history.marks:
        rows.append(("events", marks(scale, history.marks, GAP + len(rows) * (ROW + GAP))))
    for name, drawn in rows:
        body += row_name(name, top) + drawn
        top += ROW + GAP
    if history.quality:
        body += row_name(TITLES.get(history.measure or "", ""), top + PLOT / 2 - ROW / 2) + lines(
            scale, history.quality, top
        )
        top += PLOT + GAP
    return svg(f"The history of {history.title}", top + 22, body + axis(scale.ticks(), top, WIDTH), WIDTH)


def row_name(text: str, top: float) -> Markup:
    """What a row is, at its left."""
    return Markup('<text class="row" x="{:.1f}" y="{:.1f}">{}</text>').format(EDGE, top + ROW / 2 + 4, text)


def bars(scale: Scale, found: Sequence[Bar], top: float, *, by_run: bool) -> Markup:
    """One row of bars; those of champions have the colour of their run, others that of their kind."""
    body = Markup()
    for bar in found:
        left = scale.x(bar.since)
        width = max(scale.x(bar.until) - left, LEAST_WIDTH)
        name = f"source{bar.colour % COLOURS}" if by_run else bar.kind
        body += Markup(
            '<g><title>{}</title><rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"/>'
        ).format(bar.text, name, left, top, width, ROW)
        label = bar.name[: min(int((width - 12) / LETTER), LABEL_LETTERS)] if width > LEAST_LABELLED else ""
        ink = "on" if by_run else "off"
        body += Markup('<text class="bar {}" x="{:.1f}" y="{:.1f}">{}</text></g>').format(
            ink, left + 6, top + ROW / 2 + 4, label
        )
    return body


def marks(scale: Scale, found: Sequence[Mark], top: float) -> Markup:
    """One row of marks, each with what happened as its title."""
    body = Markup()
    for mark in found:
        body += Markup('<g><title>{}</title><circle class="mark {}" cx="{:.1f}" cy="{:.1f}" r="4.5"/></g>').format(
            mark.text, mark.kind, scale.x(mark.at), top + ROW / 2
        )
    return body


def lines(scale: Scale, measured: Sequence[Measured], top: float, height: float = PLOT) -> Markup:
    """The measure of each run over time, in the colour that the run has as champion; few points are dots, too."""
    values = [value for one in measured for _, value in one.points]
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 0.5, high + 0.5

    def y(value: float) -> float:
        return top + height - 10 - (value - low) / (high - low) * (height - 20)

    body = Markup()
    for one in measured:
        colour = one.colour % COLOURS
        points = " ".join(f"{scale.x(at):.1f},{y(value):.1f}" for at, value in one.points)
        body += Markup('<polyline class="line line{}" points="{}"/>').format(colour, points)
        for at, value in one.points if len(values) <= MAX_DOTS or len(one.points) == 1 else ():
            body += Markup(
                '<g><title>{}: {} by {}</title><circle class="source{}" cx="{:.1f}" cy="{:.1f}" r="3"/></g>'
            ).format(f"{at:%d %b %Y %H:%M}", number(value), one.run_id, colour, scale.x(at), y(value))
    for value in (low, high):
        body += Markup('<text class="most" x="{:.1f}" y="{:.1f}">{}</text>').format(
            NAME_WIDTH - EDGE, y(value) + 4, number(value)
        )
    return body
