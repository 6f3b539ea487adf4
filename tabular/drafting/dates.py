"""Columns of dates and times: which are features, and which parts of them a model sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tabular.contract.derived import DatePart, Derived
from tabular.contract.features import Feature, TimeZone
from tabular.drafting.choice import Choice
from tabular.drafting.column import ColumnProfile
from tabular.encoding.dates import DAY_US, HOUR_US, moment_in, text_of

MONTHS_OF_A_YEAR = 12
THURSDAY = 3
"""The weekday of the first day of 1970."""


@dataclass(frozen=True)
class Datetimes:
    """The texts of a column as moments: microseconds since 1970 by text, and whether all have a time zone."""

    microseconds: dict[str, int]
    has_zone: bool

    @property
    def time_zone(self) -> TimeZone:
        """The contract's word for it."""
        return "UTC" if self.has_zone else "none"


def datetimes_in(column: ColumnProfile) -> Datetimes | None:
    """The moments of a column; None if not every text is one, or some have a time zone and some none."""
    moments = {}
    for text in column.counts:
        moment = moment_in(text)
        if moment is None:
            return None
        moments[text] = moment
    zones = {moment.has_zone for moment in moments.values()}
    if len(zones) != 1:
        return None
    return Datetimes({text: moment.microseconds for text, moment in moments.items()}, zones.pop())


def datetime_choice(column: ColumnProfile, name: str, found: Datetimes) -> Choice:
    """A datetime with the parts of it that vary and will come again, or the reason why there is none."""
    microseconds = np.array(list(found.microseconds.values()), dtype=np.int64)
    derived = tuple(Derived(f"{name}_{part}", part, (name,)) for part in _parts(microseconds))
    first, last = (text_of(int(at), has_zone=found.has_zone) for at in (microseconds.min(), microseconds.max()))
    if not derived:
        why = f"dates and times from {first} to {last}, of one weekday and hour: nothing of them comes again"
        return Choice(column.name, left_out=why)
    middle = int(np.sort(microseconds)[len(microseconds) // 2])
    example = text_of(middle, has_zone=found.has_zone)
    feature = Feature(name, column.name, "datetime", example=example, time_zone=found.time_zone)
    return Choice(column.name, feature, tuple(_notes(microseconds, first, last)), derived=derived)


def _parts(microseconds: NDArray[np.int64]) -> list[DatePart]:
    """The parts that differ between the rows; of the month only where the table has seen each of a year."""
    hours = microseconds // HOUR_US % 24
    weekdays = (microseconds // DAY_US + THURSDAY) % 7
    parts: list[DatePart] = []
    if len(np.unique(hours)) > 1:
        parts.append("hour")
    if len(np.unique(weekdays)) > 1:
        parts.append("weekday")
    if _months(microseconds) == MONTHS_OF_A_YEAR:
        parts.append("month")
    return parts


def _months(microseconds: NDArray[np.int64]) -> int:
    """How many of the twelve months are there."""
    months = microseconds.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return len(np.unique(months % MONTHS_OF_A_YEAR))


def _notes(microseconds: NDArray[np.int64], first: str, last: str) -> list[str]:
    notes = [f"the table has {first} to {last}; the model sees what is derived from it below"]
    if (months := _months(microseconds)) < MONTHS_OF_A_YEAR:
        seen = f"{months} of the twelve months are there" if months > 1 else "one of the twelve months is there"
        notes.append(f"{seen}, so that the month is not derived: it would not say what the others are like")
    ago = 'if it matters how long ago it was, derive days_between it and another date, or operation = "epoch_days"'
    return [*notes, ago]
