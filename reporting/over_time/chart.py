"""Lines over time as inline SVG, with the ends of intervals and a dashed line for what was promised."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reporting.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, axis, number, svg
from reporting.over_time.lines import Line
from tabular.quality.labelled.measured import Measured

WIDTH = 780.0
HEAD = TOP + 12
COLOURS = 4


def line_chart(title: str, moments: Sequence[str], lines: Sequence[Line], promised: float | None) -> Markup:
    """One line a slice; a point says its value and interval when pointed at. Of a lone line intervals are drawn."""
    known = [point for line in lines for point in line.points if point is not None]
    if not known:
        return Markup()
    scale = _Scale(known, promised, with_intervals=len(lines) == 1, moments=len(moments))
    body = Markup()
    if promised is not None:
        body += Markup('<line class="promised" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(
            LEFT, WIDTH - RIGHT, scale.top(promised), scale.top(promised)
        )
    for at, line in enumerate(lines):
        body += _line(line, f"line{at % COLOURS}", moments, scale)
    last = len(moments) - 1
    ticks = [(0.0, moments[0]), (0.5, moments[last // 2]), (1.0, moments[last])]
    ends = Markup('<text class="most" x="{:.1f}" y="{:.1f}">{} to {}</text>').format(
        WIDTH - RIGHT, TOP + 1, number(scale.low), number(scale.high)
    )
    return svg(title, HEIGHT, body + axis(ticks, HEIGHT - BOTTOM, WIDTH) + ends, WIDTH)


class _Scale:
    """Where a value and a moment are drawn."""

    def __init__(
        self, known: Sequence[Measured], promised: float | None, *, with_intervals: bool, moments: int
    ) -> None:
        values = [one.value for one in known] + ([] if promised is None else [promised])
        if with_intervals:
            values += [end for one in known for end in one.interval]
        self.low, self.high = min(values), max(values)
        self.with_intervals = with_intervals
        self._step = (WIDTH - LEFT - RIGHT) / max(moments, 1)

    def left(self, at: int) -> float:
        """The middle of a group."""
        return LEFT + (at + 0.5) * self._step

    def top(self, value: float) -> float:
        """The height of a value, the lowest at the bottom."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return HEIGHT - BOTTOM - 6 - share * (HEIGHT - HEAD - BOTTOM - 10)


def _line(line: Line, colour: str, moments: Sequence[str], scale: _Scale) -> Markup:
    known = [(at, point) for at, point in enumerate(line.points) if point is not None]
    path = " ".join(f"{scale.left(at):.1f},{scale.top(point.value):.1f}" for at, point in known)
    body = Markup('<polyline class="{}" points="{}"/>').format(colour, path)
    for at, (value, (low, high)) in known:
        if scale.with_intervals:
            body += Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(
                colour, scale.left(at), scale.left(at), scale.top(low), scale.top(high)
            )
        text = f"{line.name}, from {moments[at]}: {number(value)}, 95 % interval {number(low)} to {number(high)}"
        body += Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}</title></circle>').format(
            colour, scale.left(at), scale.top(value), text
        )
    return body
