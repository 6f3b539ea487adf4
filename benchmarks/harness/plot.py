"""Plots of the results page as small SVG files, written by hand so that equal figures give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, LABELS, BAR, GAP, TOP = 720, 250, 16, 8, 34
PLOT_HEIGHT, MARGIN = 220, 48
COLOURS = ("#1f6f8b", "#d1793b", "#6a8f4f", "#8b5a8c", "#777777", "#b3392f")
Figures = Sequence[tuple[str, Sequence[float | None]]]


def bars(title: str, names: Sequence[str], rows: Figures) -> str:
    """Horizontal bars: for every row its label and one figure a name; None leaves the bar out."""
    longest = max((value for _, values in rows for value in values if value), default=1.0)
    step = BAR * len(names) + GAP
    parts, y = [], TOP + (18 if len(names) > 1 else 0)
    for label, values in rows:
        parts.append(_text(LABELS - 8, y + BAR * len(names) / 2 + 4, label, anchor="end"))
        for at, value in enumerate(values):
            if value is None:
                continue
            top, width = y + at * BAR, (WIDTH - LABELS - 80) * value / longest
            parts.append(f'<rect x="{LABELS}" y="{top}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[at]}"/>')
            parts.append(_text(LABELS + width + 5, top + BAR - 5, number(value)))
        y += step
    return _picture(title, y + 4, [*parts, *(_legend(names) if len(names) > 1 else [])])


def lines(title: str, names: Sequence[str], rows: Figures) -> str:
    """Lines over the rows' labels, which must be numbers; an axis that spans a factor of 20 is logarithmic."""
    across = _axis([float(label.replace(",", "")) for label, _ in rows], LABELS / 3, WIDTH - MARGIN)
    height = TOP + PLOT_HEIGHT + MARGIN
    up = _axis([value for _, values in rows for value in values if value is not None], height - MARGIN, TOP + 24)
    parts = []
    for at in range(len(names)):
        found = [(label, values[at]) for label, values in rows]
        points = [(across(float(x.replace(",", ""))), up(y)) for x, y in found if y is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[at]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[at]}"/>' for x, y in points]
        known = [y for _, y in found if y is not None]
        ends = zip((points[0], points[-1]), (known[0], known[-1]), strict=True) if points else []
        parts += [_text(x, y - 7, number(value), anchor="middle") for (x, y), value in ends]
    axis = height - MARGIN + 18
    parts += [_text(across(float(label.replace(",", ""))), axis, label, anchor="middle") for label, _ in rows]
    return _picture(title, height, [*parts, *_legend(names)])


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def _axis(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    scale: Callable[[float], float] = math.log if low > 0 and high / low > 20 else float
    low, high = (scale(low), scale(high)) if scale is math.log else (min(low, 0.0), high)
    return lambda value: start + (end - start) * (scale(value) - low) / ((high - low) or 1.0)


def _legend(names: Sequence[str]) -> list[str]:
    parts, x = [], float(LABELS)
    for at, name in enumerate(names):
        parts.append(f'<rect x="{x:.0f}" y="{TOP - 6}" width="10" height="10" fill="{COLOURS[at]}"/>')
        parts.append(_text(x + 14, TOP + 3, name))
        x += 30 + 6.6 * len(name)
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(title: str, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        'font-family="sans-serif" font-size="12" fill="#222">'
    )
    back = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    name = f'<text x="12" y="18" font-weight="bold">{escape(title)}</text>'
    return "\n".join([head, f"<title>{escape(title)}</title>", back, name, *parts, "</svg>\n"])
