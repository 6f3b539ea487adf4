"""Plots of one side: a distribution, what the target is in each bin, and how columns go together."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reporting.charts import (
    BAR_GAP,
    BAR_HEIGHT,
    BOTTOM,
    HEIGHT,
    LABEL_WIDTH,
    LEFT,
    RIGHT,
    SHARE_WIDTH,
    TOP,
    WIDTH,
    Bin,
    Histogram,
    axis,
    number,
    percent,
    rect,
    short,
    svg,
)
from reporting.table_profile.target import BinOfTarget

CELL, NAMES_WIDTH = 22.0, 130.0


def distribution(title: str, plot: Histogram) -> Markup:
    """A histogram of one side."""
    width, height, base = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
    tallest = max((one.current for one in plot.bins), default=0.0) or 1.0
    step = width / max(len(plot.bins), 1)
    body = Markup()
    for at, one in enumerate(plot.bins):
        bar = rect("source0", LEFT + at * step + 0.5, base - height * one.current / tallest, step - 1, base)
        body += Markup("<g><title>{}: {}</title>{}</g>").format(one.name, percent(one.current), bar)
    return svg(title, HEIGHT, body + axis(plot.ticks, base))


def shares(title: str, bins: Sequence[Bin]) -> Markup:
    """A bar a category, with its share."""
    return _bars(title, [(one.name, one.current, percent(one.current)) for one in bins])


def by_target(title: str, bins: Sequence[BinOfTarget], *, is_share: bool) -> Markup:
    """A bar a bin, as long as the target is large there."""
    lowest = min((one.target for one in bins), default=0.0)
    zero = min(0.0, lowest)
    show = percent if is_share else number
    return _bars(title, [(one.name, one.target - zero, f"{show(one.target)} in {percent(one.share)}") for one in bins])


def _bars(title: str, bars: Sequence[tuple[str, float, str]]) -> Markup:
    longest = max((length for _, length, _ in bars), default=0.0) or 1.0
    body = Markup()
    for at, (name, length, text) in enumerate(bars):
        top = TOP + at * (BAR_HEIGHT + BAR_GAP)
        body += Markup('<rect class="source0" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"/>').format(
            LABEL_WIDTH, top, (WIDTH - LABEL_WIDTH - SHARE_WIDTH) * length / longest, BAR_HEIGHT - 4
        )
        middle = top + BAR_HEIGHT / 2 + 2
        body += Markup('<text class="name" x="{:.1f}" y="{:.1f}"><title>{}</title>{}</text>').format(
            LABEL_WIDTH - 8, middle, name, short(name)
        )
        body += Markup('<text class="share" x="{:.1f}" y="{:.1f}">{}</text>').format(WIDTH - RIGHT, middle, text)
    return svg(title, 2 * TOP + len(bars) * (BAR_HEIGHT + BAR_GAP) - BAR_GAP, body)


def heat_map(title: str, names: Sequence[str], matrix: Sequence[Sequence[float]]) -> Markup:
    """A square a pair of columns, the darker the closer they go together."""
    body = Markup()
    for at, name in enumerate(names):
        body += Markup('<text class="name" x="{:.1f}" y="{:.1f}"><title>{}</title>{}</text>').format(
            NAMES_WIDTH - 6, at * CELL + CELL / 2 + 4, name, short(name)
        )
        for other, strength in enumerate(matrix[at][:at]):
            body += Markup(
                '<g><title>{} and {}: {:.2f}</title><rect class="source0" fill-opacity="{:.2f}" x="{:.1f}" y="{:.1f}" '
                'width="{:.1f}" height="{:.1f}"/></g>'
            ).format(
                name,
                names[other],
                strength,
                0.04 + 0.96 * strength,
                NAMES_WIDTH + other * CELL,
                at * CELL,
                CELL - 1,
                CELL - 1,
            )
    side = len(names) * CELL
    return svg(title, side, body, NAMES_WIDTH + side)
