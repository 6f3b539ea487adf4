"""The header of a CSV and its rows: columns without a name, rows of another width, and which of the two is at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tabular.errors import Fault

Row = list[str]

NEARLY_ALL = 0.9
MAX_FAULTS_SHOWN = 5
MAX_HEADER_CHARACTERS_SHOWN = 80


def named_columns(header: Row, rows: list[Row]) -> tuple[Row, list[Row]]:
    """The table without the columns that have neither a name nor a value; one with values is named by its position."""
    header, rows = without_trailing(header, rows)
    nameless = [at for at, name in enumerate(header) if not name]
    if not nameless or any(len(row) != len(header) for row in rows):
        return header, rows
    empty = {at for at in nameless if not any(row[at] for row in rows)}
    kept = [at for at in range(len(header)) if at not in empty]
    names = [name_at(header, at) for at in kept]
    return names, [[row[at] for at in kept] for row in rows] if empty else rows


def name_at(header: Sequence[str], at: int) -> str:
    """The name of the column at this position, from 0; one without a name is named by its position."""
    return header[at] or f"column {at + 1} (no name)"


def shape_faults(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Fault]:
    """What is wrong with the shape: names that stand twice, rows of another width or, if most have it, the header."""
    places = {name: [at for at, other in enumerate(header, 1) if other == name] for name in set(header)}
    faults = [
        Fault(name, f"stands more than once in the header, as columns {_and(at)}", "one column of each name", name)
        for name, at in sorted(places.items())
        if len(at) > 1
    ]
    return faults + _width_faults(header, rows)


def header_fault(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Fault | None:
    """What is wrong with the header if nearly all rows have one width and the header another."""
    width, agreeing = _usual_width(header, rows)
    if width == len(header):
        return None
    problem = f"has {len(header)} names, but {agreeing:,} of {len(rows):,} rows have {width} cells"
    allowed = f"{width} names, one for each column in order"
    return Fault("header", problem, allowed, ",".join(header)[:MAX_HEADER_CHARACTERS_SHOWN])


def _usual_width(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """The width of nearly all rows, else the header's; and how many rows have it."""
    if len(rows) > 1:
        usual, agreeing = Counter(map(len, rows)).most_common(1)[0]
        if agreeing >= NEARLY_ALL * len(rows):
            return usual, agreeing
    return len(header), 0


def _width_faults(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Fault]:
    width, _ = _usual_width(header, rows)
    fault = header_fault(header, rows)
    ragged = [number for number, row in enumerate(rows, 1) if len(row) != width]
    more = f" ({len(ragged)} rows in all)" if len(ragged) > MAX_FAULTS_SHOWN else ""
    allowed = f"{width}, as in the header" if fault is None else f"{width}, as in nearly all rows"
    return ([] if fault is None else [fault]) + [
        Fault("cells", f"are {len(rows[number - 1])}{more}", allowed, None, number)
        for number in ragged[:MAX_FAULTS_SHOWN]
    ]


def without_trailing(header: Row, rows: list[Row]) -> tuple[Row, list[Row]]:
    """Without the cells at the end that the header or all rows have more than the other, if they are empty.

    Only if all rows have one width: a row that is longer by itself may hold a comma too many anywhere.
    """
    widths = set(map(len, rows))
    if len(widths) != 1 or (width := widths.pop()) == len(header):
        return header, rows
    if width < len(header):
        return (header[:width] if not any(header[width:]) else header), rows
    is_empty = not any(any(row[len(header) :]) for row in rows)
    return header, [row[: len(header)] for row in rows] if is_empty else rows


def _and(places: Sequence[int]) -> str:
    return ", ".join(map(str, places[:-1])) + f" and {places[-1]}"
