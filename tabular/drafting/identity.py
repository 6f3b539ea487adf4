"""Which columns identify a row instead of describing it: nothing learnt from them holds for the next row."""

from __future__ import annotations

import itertools
import re

from tabular.drafting.column import ColumnProfile

ID_WORDS = frozenset(
    {"id", "uuid", "guid", "key", "index", "idx", "nr", "no", "num", "number", "rowid", "unnamed", "pk"}
)
CODE_WORDS = frozenset({"id", "uuid", "guid", "key", "code", "pk"})
"""The last word of a name whose numbers stand for something, if they repeat; "number" and the like may be amounts."""
ID_ENDING = re.compile(r"(?:ID|NUM|NO|KEY|UUID|GUID|Id)[0-9_]*")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
CODE = re.compile(r"(?=.*[0-9])[\w.:/-]{1,64}")
"""A text that may name a row: one word with a digit in it, unlike most names of people and things."""
NEARLY_UNIQUE = 0.5
MIN_COINCIDENCES = 5.0
MAX_CATEGORIES = 300
COUNTS_ROWS = "it counts the rows"
LEAST_SHARED = 0.5
"""So large a share of the rows has its id in common with another, where the column names groups of rows."""


def identifies(column: ColumnProfile, cells_in_order: list[float] | None) -> str | None:
    """Why each value of the column is one row's own; None if it is not, or may be by chance.

    `cells_in_order` are the numbers in the order of the file, for a numeric column without gaps.
    """
    distinct = len(column.counts)
    if distinct < max(column.rows, 3):
        return None
    if not column.is_numeric:
        looks_so = is_named_as_id(column.name) or all(map(CODE.fullmatch, column.counts))
        return f"each of its {distinct:,} values stands once" if looks_so else None
    return _numbers_rows(column, cells_in_order) if column.is_whole else None


def _numbers_rows(column: ColumnProfile, cells_in_order: list[float] | None) -> str | None:
    if cells_in_order is not None and _is_counter(cells_in_order):
        return COUNTS_ROWS
    if is_named_as_id(column.name):
        return f"each of its {column.rows:,} values stands once, and it is named as an identifier"
    if (chance := coincidences(column)) < MIN_COINCIDENCES:
        return None
    return (
        f"no whole number stands twice, where about {chance:,.0f} pairs of rows would agree by chance: the numbers "
        "were given out one by one"
    )


def names_a_group(column: ColumnProfile) -> str | None:
    """Why a column of repeated ids names what its rows belong to, such as a customer; None if it does not.

    A few hundred ids are places or products, that the next rows have too: categories.
    """
    distinct = len(column.counts)
    if not is_named_as_id(column.name) or distinct <= MAX_CATEGORIES or (column.is_numeric and not column.is_whole):
        return None
    shared = sum(rows for rows in column.counts.values() if rows > 1)
    if column.missing or shared < LEAST_SHARED * column.rows:
        return None
    return f"it is named as an identifier, and its {distinct:,} values stand in {column.rows / distinct:.2g} rows each"


def is_code(column: ColumnProfile) -> bool:
    """True for whole numbers that stand for something, such as places: few, repeated, and named as an identifier."""
    distinct = len(column.counts)
    words = [word.casefold() for word in _WORDS.findall(column.name)]
    is_named = bool(words) and words[-1] in CODE_WORDS
    return is_named and column.is_whole and 2 < distinct <= min(MAX_CATEGORIES, NEARLY_UNIQUE * column.known)


def coincidences(column: ColumnProfile) -> float:
    """How many pairs of rows would hold the same number if they were drawn evenly from all between the two ends.

    Any other distribution gives more (birthday problem), so that a column with none at all was numbered.
    """
    numbers = column.numbers.values()
    return column.rows * (column.rows - 1) / 2 / (max(numbers) - min(numbers) + 1)


def is_named_as_id(name: str) -> bool:
    """True for names such as `id`, `CustomerId`, `order_no`, `CLIENTNUM`."""
    words = [word.casefold() for word in _WORDS.findall(name)]
    return (bool(words) and (words[-1] in ID_WORDS or words[0] in {"id", "unnamed"})) or bool(_ends_as_id(name))


def _ends_as_id(name: str) -> bool:
    return name.isupper() and re.search(ID_ENDING.pattern + "$", name) is not None


def rises_with_the_file(cells_in_order: list[float]) -> bool:
    """True if the numbers never fall from one row to the next and are nearly all different: they carry the order."""
    steps = [later - earlier for earlier, later in itertools.pairwise(cells_in_order)]
    if len(steps) < 20:
        return False
    rising = all(step >= 0 for step in steps) or all(step <= 0 for step in steps)
    return rising and len(set(cells_in_order)) > NEARLY_UNIQUE * len(cells_in_order)


def _is_counter(cells_in_order: list[float]) -> bool:
    return all(later - earlier == 1 for earlier, later in itertools.pairwise(cells_in_order))
