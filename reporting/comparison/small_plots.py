"""Plots small enough that many stand side by side: one path a side, and what it shows as a text."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reporting.charts import Bin, Histogram, axis, percent, short, svg
from reporting.comparison.comparison import Plot

WIDTH, HEIGHT, EDGE = 220.0, 96.0, 8.0
FOOT, ROW, NAME_WIDTH = 20.0, 14.0, 84.0


def small_plot(title: str, plot: Plot) -> Markup:
    """A histogram or bars of categories; the title is what a screen reader says."""
    return _histogram(title, plot) if isinstance(plot, Histogram) else _bars(title, plot)


def _histogram(title: str, plot: Histogram) -> Markup:
    base, height = HEIGHT - FOOT, HEIGHT - FOOT - EDGE
    tallest = max((max(one.reference, one.current) for one in plot.bins), default=0.0) or 1.0
    body = Markup()
    for name, shares in (
        ("reference", [one.reference for one in plot.bins]),
        ("current", [one.current for one in plot.bins]),
    ):
        tops = [base - height * share / tallest for share in shares]
        body += Markup('<path class="{}" d="{}"/>').format(name, _steps(tops, base))
    ends = [plot.ticks[0], plot.ticks[-1]]
    return svg(title, HEIGHT, body + axis(ends, base, WIDTH), WIDTH)


def _steps(tops: Sequence[float], base: float) -> str:
    step = (WIDTH - 2 * EDGE) / max(len(tops), 1)
    parts = [f"V{top:.1f}H{EDGE + (at + 1) * step:.1f}" for at, top in enumerate(tops)]
    return f"M{EDGE:.1f},{base:.1f}{''.join(parts)}V{base:.1f}Z"


def _bars(title: str, bins: Sequence[Bin]) -> Markup:
    width = WIDTH - NAME_WIDTH - EDGE
    longest = max((max(one.reference, one.current) for one in bins), default=0.0) or 1.0
    body = Markup()
    for name, offset in (("reference", 0.0), ("current", ROW / 2 - 1)):
        parts = [_bar(EDGE + at * ROW + offset, width * getattr(one, name) / longest) for at, one in enumerate(bins)]
        body += Markup('<path class="{}" d="{}"/>').format(name, "".join(parts))
    for at, one in enumerate(bins):
        told = f"{one.name}: {percent(one.reference)} → {percent(one.current)}"
        body += Markup('<text class="name" x="{:.0f}" y="{:.0f}"><title>{}</title>{}</text>').format(
            NAME_WIDTH - 6, EDGE + at * ROW + ROW / 2 + 3, told, short(one.name, 13)
        )
    return svg(title, 2 * EDGE + len(bins) * ROW, body, WIDTH)


def _bar(top: float, length: float) -> str:
    return f"M{NAME_WIDTH:.0f},{top:.1f}h{length:.1f}v{ROW / 2 - 2:.1f}H{NAME_WIDTH:.0f}Z"
