"""Plots as inline SVG: no script, no request, and every text from data escaped by `Markup.format`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 380.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 10.0, 22.0
BAR_HEIGHT, BAR_GAP, LABEL_WIDTH, SHARE_WIDTH = 18.0, 8.0, 112.0, 98.0


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram, or one label: its name and its share of each side, 0 to 1."""

    name: str
    reference: float
    current: float


@dataclass(frozen=True)
class Histogram:
    """Bins from left to right and the numbers under them, each at its place from 0 to 1."""

    bins: Sequence[Bin]
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Moment:
    """One bucket of time: what to call it, and how many predictions each source had."""

    name: str
    counts: Sequence[int]


def histogram(title: str, plot: Histogram) -> Markup:
    """Reference as filled bars, current as a line of steps over them."""
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    tallest = max((max(bin_.reference, bin_.current) for bin_ in plot.bins), default=0.0) or 1.0
    step = width / max(len(plot.bins), 1)
    base = TOP + height
    bars, steps, hovers = Markup(), [], Markup()
    for at, bin_ in enumerate(plot.bins):
        left = LEFT + at * step
        bars += rect("reference", left + 0.5, base - height * bin_.reference / tallest, step - 1, base)
        top = base - height * bin_.current / tallest
        steps += [f"{left:.1f},{top:.1f}", f"{left + step:.1f},{top:.1f}"]
        text = Markup("<title>{}: {} in the reference, {} now</title>").format(
            bin_.name, percent(bin_.reference), percent(bin_.current)
        )
        hovers += Markup('<rect class="hover" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">{}</rect>').format(
            left, TOP, step, height, text
        )
    outline = " ".join([f"{LEFT:.1f},{base:.1f}", *steps, f"{WIDTH - RIGHT:.1f},{base:.1f}"])
    line = Markup('<polyline class="current" points="{}"/>').format(outline)
    return svg(title, HEIGHT, bars + line + axis(plot.ticks, base) + hovers)


def paired_bars(title: str, bins: Sequence[Bin]) -> Markup:
    """Two bars a label, reference over current, with both shares written out."""
    width = WIDTH - LABEL_WIDTH - SHARE_WIDTH
    longest = max((max(bin_.reference, bin_.current) for bin_ in bins), default=0.0) or 1.0
    body = Markup()
    for at, bin_ in enumerate(bins):
        top = TOP + at * (BAR_HEIGHT + BAR_GAP)
        for name, share, offset in (("reference", bin_.reference, 0.0), ("current", bin_.current, BAR_HEIGHT / 2)):
            body += Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"/>').format(
                name, LABEL_WIDTH, top + offset, width * share / longest, BAR_HEIGHT / 2 - 1
            )
        middle = top + BAR_HEIGHT / 2 + 4
        body += Markup('<text class="name" x="{:.1f}" y="{:.1f}"><title>{}</title>{}</text>').format(
            LABEL_WIDTH - 8, middle, bin_.name, short(bin_.name)
        )
        shares = f"{percent(bin_.reference)} → {percent(bin_.current)}"
        body += Markup('<text class="share" x="{:.1f}" y="{:.1f}">{}</text>').format(WIDTH - RIGHT, middle, shares)
    return svg(title, 2 * TOP + len(bins) * (BAR_HEIGHT + BAR_GAP) - BAR_GAP, body)


def stacked_columns(title: str, moments: Sequence[Moment], names: Sequence[str], width: float = 780.0) -> Markup:
    """Counts over time, one colour a source, first name at the bottom."""
    head = TOP + 12
    height = HEIGHT - head - BOTTOM
    tallest = max((sum(moment.counts) for moment in moments), default=0) or 1
    step = (width - LEFT - RIGHT) / max(len(moments), 1)
    body = Markup()
    for at, moment in enumerate(moments):
        base = head + height
        text = ", ".join(f"{count:,} by {name}" for name, count in zip(names, moment.counts, strict=True))
        body += Markup("<g><title>{}: {}</title>").format(moment.name, text)
        for layer, count in enumerate(moment.counts):
            top = base - height * count / tallest
            body += rect(f"source{layer % 4}", LEFT + at * step + 0.5, top, max(step - 1, 0.5), base)
            base = top
        body += Markup("</g>")
    last = len(moments) - 1
    ticks = [(0.0, moments[0].name), (0.5, moments[last // 2].name), (1.0, moments[last].name)] if moments else []
    most = Markup('<text class="most" x="{:.1f}" y="{:.1f}">most: {:,}</text>').format(width - RIGHT, TOP + 1, tallest)
    return svg(title, HEIGHT, body + axis(ticks, head + height, width) + most, width)


def percent(share: float) -> str:
    """A share as people read it: 12 %, 0.4 %, < 0.1 %."""
    if share == 0.0 or share >= 0.095:
        return f"{share:.0%}".replace("%", " %")
    return "< 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"


def number(value: float) -> str:
    """A number with as many digits as it deserves."""
    if not math.isfinite(value):
        return "-"
    if 1_000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def rect(name: str, left: float, top: float, width: float, base: float) -> Markup:
    """A bar that stands on `base`; `name` is its class."""
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, left, top, width, max(base - top, 0.0)
    )


def axis(ticks: Sequence[tuple[float, str]], base: float, width: float = WIDTH) -> Markup:
    """The line under a plot, and the texts at their places from 0 to 1."""
    line = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    body = line.format(LEFT, width - RIGHT, base, base)
    for place, text in ticks:
        anchor = "start" if place < 0.1 else "end" if place > 0.9 else "middle"
        body += Markup('<text class="tick" text-anchor="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
            anchor, LEFT + place * (width - LEFT - RIGHT), base + 15, text
        )
    return body


def svg(title: str, height: float, body: Markup, width: float = WIDTH) -> Markup:
    """A plot as an element of a page."""
    return Markup('<svg role="img" aria-label="{}" viewBox="0 0 {:.0f} {:.0f}">{}</svg>').format(
        title, width, height, body
    )


def short(text: str, characters: int = 17) -> str:
    """The text, or its beginning."""
    return text if len(text) <= characters else text[: characters - 1] + "…"
