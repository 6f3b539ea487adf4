"""The profile of a column: which texts it holds, and how often, before anybody has said what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from tabular.contract.canonical import number_in

MAX_CHARACTERS_SHOWN = 40


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a table: how many of its `rows` hold each text, those that are missing not counted in `counts`."""

    name: str
    rows: int
    counts: Mapping[str, int]

    @property
    def known(self) -> int:
        """How many rows hold a value."""
        return sum(self.counts.values())

    @property
    def missing(self) -> int:
        """How many rows hold none."""
        return self.rows - self.known

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The texts that are numbers."""
        found = ((text, number_in(text)) for text in self.counts)
        return {text: number for text, number in found if number is not None}

    @property
    def is_numeric(self) -> bool:
        """True if every value is a number, and there is one."""
        return bool(self.counts) and len(self.numbers) == len(self.counts)

    @property
    def is_whole(self) -> bool:
        """True if every value is a whole number, and there is one."""
        return self.is_numeric and all(number == number // 1 for number in self.numbers.values())

    def without(self, is_missing: Callable[[str], bool]) -> ColumnProfile:
        """The same column with the texts that mean "not known" taken for missing."""
        return ColumnProfile(
            self.name, self.rows, {text: rows for text, rows in self.counts.items() if not is_missing(text)}
        )


def profile(cells: pd.Series[str]) -> ColumnProfile:
    """The profile of a column of text cells, empty ones missing; the most frequent texts come first."""
    counts = cells.value_counts()
    texts = {str(text): int(rows) for text, rows in counts.items() if str(text)}
    return ColumnProfile(str(cells.name), len(cells), texts)


def shown(text: str) -> str:
    """A text as it can stand in a comment or a message: in quotes, in one line, the beginning of a long one."""
    cut = text if len(text) <= MAX_CHARACTERS_SHOWN else text[:MAX_CHARACTERS_SHOWN] + "…"
    return '"' + "".join(mark if mark.isprintable() else " " for mark in cut) + '"'


def share(rows: int, of: int) -> str:
    """Rows and their share, such as "1,836 rows (5.6 %)"."""
    return f"{rows:,} row{'' if rows == 1 else 's'} ({100 * rows / of:.2g} %)"
