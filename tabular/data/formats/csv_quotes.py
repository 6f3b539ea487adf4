"""Rows that a stray quote swallows: two quotes in a column of notes make one cell of all the lines between them.

That is a well-formed CSV, so no reader objects. It is distinguished from a cell that does hold line breaks by what its
lines are: if each has as many cells as the table has columns, and these look like those of the other rows, they are
rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tabular.contract.canonical import number_in
from tabular.errors import Fault

MOST_ROWS_READ = 10_000
"""The number of rows that show what a column holds."""
MOST_CELLS_LIKE = 0.5
NUMERIC_SHARE = 0.9
ROWS_PER_CATEGORY = 4
MAX_FAULTS = 5

_LINE_END = re.compile(r"\r\n|\r|\n")

Cells = Sequence[str]
Likeness = Mapping[int, Callable[[str], bool]]
"""By position of a column: whether a cell looks like one of it. Columns of which anything may be are not there."""


class LongRecord(NamedTuple):
    """A record of several lines: its cells as they were written, and its first and last line, from 1."""

    cells: Cells
    first_line: int
    last_line: int


def swallowed_rows(
    records: Sequence[LongRecord], rows: Sequence[Cells], width: int, separator: str = ","
) -> list[Fault]:
    """A fault for each record of several lines that must be as many rows; `rows` are all rows as they were read."""
    found = [
        (record, texts)
        for record in records
        for at, cell in enumerate(record.cells)
        if width > 1 and (texts := _rows_in(cell, at, width, len(record.cells), separator))
    ]
    if not found:
        return []
    likeness = _likeness(rows[:MOST_ROWS_READ], width)
    return [_fault(record, width) for record, texts in found if _are_like(texts, likeness)][:MAX_FAULTS]


def _rows_in(cell: str, at: int, width: int, cells: int, separator: str) -> list[Mapping[int, str]]:
    """What the lines of a cell would be as rows, were its quotes text: by column; empty if they are no whole rows.

    The cell is the one `at` this position of `cells`; those before it are of the first row, those behind of the last.
    """
    first, *others = (line.split(separator) for line in _LINE_END.split(cell))
    if not others:
        return []
    *middle, last = others
    middle = [line for line in middle if line != [""]]
    is_whole = at + len(first) == len(last) + cells - at - 1 == width and all(len(line) == width for line in middle)
    return [dict(enumerate(first, at)), *(dict(enumerate(line)) for line in (*middle, last))] if is_whole else []


def _likeness(rows: Sequence[Cells], width: int) -> Likeness:
    found = {at: _look([row[at] for row in rows if len(row) == width and row[at]]) for at in range(width)}
    return {at: look for at, look in found.items() if look is not None}


def _look(cells: Cells) -> Callable[[str], bool] | None:
    if not cells:
        return None
    if sum(number_in(cell) is not None for cell in cells) >= NUMERIC_SHARE * len(cells):
        return lambda cell: number_in(cell) is not None
    values = set(cells)
    return values.__contains__ if len(values) * ROWS_PER_CATEGORY <= len(cells) else None


def _are_like(texts: Iterable[Mapping[int, str]], likeness: Likeness) -> bool:
    """Whether most of these cells look like their column, of those that are comparable."""
    alike = [likeness[at](cell.strip()) for row in texts for at, cell in row.items() if at in likeness and cell.strip()]
    return sum(alike) >= MOST_CELLS_LIKE * len(alike)


def _fault(record: LongRecord, width: int) -> Fault:
    first, last = record.first_line, record.last_line
    return Fault(
        f"lines {first} to {last}",
        f"are read as one row: a quote opens in line {first} and closes in line {last}, though each line has the "
        f"{width} cells of a row",
        'no quote in the text, or two for one ("") within quotes. If it is a cell that does hold these lines, put '
        "something else for its line breaks",
        _LINE_END.split(",".join(record.cells))[0],
    )
