"""Which texts of a table mean "not known": those that usually do, and only where the rest of a column says so too."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabular.contract.canonical import Canonical, canonical
from tabular.data.invalid_cells import LIKELY_MISSING
from tabular.drafting.column import ColumnProfile, share, shown

OURS = frozenset({"(missing)", "(unknown)"})
"""Texts that no contract may have as a category."""
AMBIGUOUS = frozenset({"none", "nil"})
"""Words that may well be a category ("none" of a kind): they mean "not known" only among numbers."""
CODE = re.compile(r"[A-Z]{2,3}")
MIN_NUMBERS = 10
"""Among so many different numbers a single text, without a digit, says that there is none."""
NEAR_CODES = frozenset({"na"})
"""What may be a code among codes, such as Namibia's."""


def missing_tokens(
    columns: Sequence[ColumnProfile], classes: Sequence[str] = (), named: Sequence[str] = ()
) -> dict[str, str]:
    """The texts that mean "not known" in these columns, as the table writes them, with the evidence for each.

    Spellings with one canonical form (`tabular.contract.canonical`) are one token; a class of the target is none.
    Those that are `named` are missing whatever the columns say.
    """
    taken = set(map(canonical, classes))
    found: dict[Canonical, tuple[str, list[str]]] = {canonical(text): (text, ["missing= names it"]) for text in named}
    for column in columns:
        for text, rows in column.counts.items():
            if canonical(text) not in taken and (evidence := _evidence(column, text)):
                _, places = found.setdefault(canonical(text), (text, []))
                places.append(f"{evidence} in {column.name}, {share(rows, column.rows)}")
    return {text: _listed(places) for text, places in found.values()}


def likely_missing(column: ColumnProfile) -> list[str]:
    """The texts of a column that usually mean "not known"."""
    return [text for text in column.counts if text.casefold() in LIKELY_MISSING | OURS]


def _evidence(column: ColumnProfile, text: str) -> str | None:
    word = text.casefold()
    if word not in LIKELY_MISSING | OURS:
        return "is the only text among numbers" if _is_alone_among_numbers(column, text) else None
    likely = set(likely_missing(column))
    others = [other for other in column.counts if other not in likely]
    if not others or word in OURS:
        return "stands" if word in OURS else None
    if all(other in column.numbers for other in others):
        return "stands among numbers"
    if word in AMBIGUOUS or (word in NEAR_CODES and all(CODE.fullmatch(other) for other in others)):
        return None
    return "stands among words"


def _is_alone_among_numbers(column: ColumnProfile, text: str) -> bool:
    is_one = len(column.numbers) == len(column.counts) - 1 and text not in column.numbers
    return is_one and len(column.numbers) >= MIN_NUMBERS and not any(map(str.isdigit, text)) and column.counts[text] > 1


def _listed(places: Sequence[str]) -> str:
    more = len(places) - 3
    return "; ".join(places[:3]) + (f"; and in {more} more columns" if more > 0 else "")


def doubts(column: ColumnProfile, tokens: Sequence[str]) -> list[str]:
    """What to ask about a column's texts and numbers that may mean "not known" and were not taken so."""
    taken = {canonical(token) for token in tokens}
    words = [text for text in likely_missing(column) if canonical(text) not in taken]
    asked = [f"{shown(text)} is kept as a value ({share(column.counts[text], column.rows)})" for text in words]
    asked += [f"{text} may stand for a missing number ({share(rows, column.rows)})" for text, rows in _stops(column)]
    return [f'{text}: if it means "not known", add it to missing_tokens' for text in asked]


STOP = re.compile(r"-1|-?9{2,}|-?9{2,}\.0+|-1\.0+")
MIN_STOP_ROWS = 5
MIN_GAP = 1.0
"""So many times the spread of the other values a number lies outside of them to be asked about."""


def _stops(column: ColumnProfile) -> list[tuple[str, int]]:
    """Numbers such as -999 that stand often, far from all others."""
    if not column.is_numeric or len(column.numbers) < 3:
        return []
    numbers = sorted(set(column.numbers.values()))
    found = []
    for text, rows in column.counts.items():
        number = column.numbers[text]
        if rows < MIN_STOP_ROWS or STOP.fullmatch(text) is None or number not in (numbers[0], numbers[-1]):
            continue
        others = [each for each in numbers if each != number]
        gap = others[0] - number if number < others[0] else number - others[-1]
        is_only_negative = number < 0 <= others[0]
        if is_only_negative or gap > MIN_GAP * (others[-1] - others[0]):
            found.append((text, rows))
    return found
