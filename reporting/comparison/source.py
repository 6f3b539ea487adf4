"""Where the rows of one data set of a report come from, as a person names it: `run=3f0a since=2026-11-01`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tabular.errors import InvalidSetting
from tabular.process.times import moment

TIMES = ("since", "until", "last")
OF_PREDICTIONS = ("run", *TIMES)
OF_TABLES = ("version", "file")
SLICE = "slice"
WORDS = (*OF_PREDICTIONS, *OF_TABLES, SLICE)

Words = Mapping[str, str]


@dataclass(frozen=True)
class Slice:
    """The rows in which a column has a value; each of its values by itself where `value` is None."""

    column: str
    value: str | None

    def __str__(self) -> str:
        return self.column if self.value is None else f"{self.column} = {self.value}"


@dataclass(frozen=True)
class Source:
    """A version of the table, a file, or else predictions: of a run, in a time (UTC), or the `last` so many."""

    version: str = ""
    file: str = ""
    run: str = ""
    since: datetime | None = None
    until: datetime | None = None
    last: int | None = None
    slice: Slice | None = None

    @property
    def is_predictions(self) -> bool:
        """True for predictions, False for rows of a table."""
        return not self.version and not self.file


def source_of(words: Words, where: str = "") -> Source:
    """The source that the words name, empty ones left out; `where` begins an error: the argument they are given in.

    Raises InvalidSetting naming the word and the remedy.
    """
    given = {name: text.strip() for name, text in words.items() if text.strip()}
    if unknown := [name for name in given if name not in WORDS]:
        raise InvalidSetting(f"{where}{unknown[0]}= is none of {', '.join(f'{word}=' for word in WORDS)}")
    _check_together(given, where)
    since, until = (moment(f"{where}{name}", given.get(name, "")) for name in ("since", "until"))
    if since is not None and until is not None and since >= until:
        raise InvalidSetting(f"{where}since={given['since']} is not before until={given['until']}: exchange them")
    return Source(
        version=given.get("version", ""),
        file=given.get("file", ""),
        run=given.get("run", ""),
        since=since,
        until=until,
        last=count_of("last", given["last"], where) if "last" in given else None,
        slice=_slice_of(given[SLICE], where) if SLICE in given else None,
    )


def count_of(name: str, text: str, where: str = "", most: int | None = None) -> int:
    """A number of rows or windows, 1 or more; raises InvalidSetting."""
    up_to = "or more" if most is None else f"to {most}"
    if not text.isdecimal() or int(text) < 1 or int(text) > (most or int(text)):
        raise InvalidSetting(f"{where}{name}={text!r} must be a whole number, 1 {up_to}")
    return int(text)


def inherited(words: Words, first: Words) -> dict[str, str]:
    """The words of a further data set with what it leaves open taken from the first one.

    A run without a time has the first one's time, a time without a run its run; what names neither rows nor a time is
    another slice of the same rows.
    """
    named = {name: text for name, text in words.items() if text}
    open_words = {SLICE} - named.keys()
    if not named.keys() & {*OF_TABLES, *OF_PREDICTIONS}:
        open_words |= {*OF_TABLES, *OF_PREDICTIONS}
    elif not named.keys() & {*OF_TABLES}:
        open_words |= {"run"} - named.keys()
        open_words |= set() if named.keys() & {*TIMES} else {*TIMES}
    return {name: text for name, text in first.items() if name in open_words and text} | named


def _check_together(given: Words, where: str) -> None:
    tables = [name for name in OF_TABLES if name in given]
    predictions = [name for name in OF_PREDICTIONS if name in given]
    if len(tables) == 2:
        raise InvalidSetting(f"{where}version= and file= are two data sets: give one of them in also= or against=")
    if tables and predictions:
        raise InvalidSetting(
            f"{where}{predictions[0]}= is of predictions, {tables[0]}= of a table: name one of them, and the other in "
            "also= or against="
        )
    if "last" in given and "since" in given:
        raise InvalidSetting(f"{where}last= and since= exclude each other: leave one of them out")


def _slice_of(text: str, where: str) -> Slice:
    column, equals, value = (part.strip() for part in text.partition("="))
    if not column or (equals and not value):
        raise InvalidSetting(
            f"{where}slice={text!r} must be COLUMN=VALUE, a COLUMN for each of its values, or all for the contract's"
        )
    return Slice(column, value if equals else None)
