"""Dates and times as text (ISO 8601) and as numbers: microseconds since 1970, which a double holds exactly.

With a time zone they count in UTC; without one, as they are written. A feature's contract says which of the two it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

YEARS = range(1700, 2200)
"""In these years a double tells any two microseconds apart."""
MAX_CHARACTERS = 40
SECOND_US = 1_000_000
MINUTE_US, HOUR_US, DAY_US = 60 * SECOND_US, 3_600 * SECOND_US, 86_400 * SECOND_US
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of moments in UTC and of those without a zone alike

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
_ZONE = "Z|[+-][0-9]{2}:?[0-9]{2}"
_ISO = re.compile(f"{_DATE}(?:{_TIME}({_ZONE})?)?")


class Moment(NamedTuple):
    """A date with its time: the text in its canonical form, microseconds since 1970, whether it has a zone."""

    text: str
    microseconds: int
    has_zone: bool


def moment_in(raw: str) -> Moment | None:
    """The moment that a text is, a date alone being its midnight; None for other text and for other `YEARS`.

    What is finer than a microsecond is cut off.
    """
    text = raw.strip()
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    has_zone = found[1] is not None
    return (
        Moment(iso_text(moment, has_zone=has_zone), _microseconds(moment), has_zone) if moment.year in YEARS else None
    )


def pattern(*, has_zone: bool) -> str:
    """The regular expression of such a text, spaces around it aside; not each that matches is a day of the calendar."""
    return rf"^\s*{_DATE}{_TIME}(?:{_ZONE})\s*$" if has_zone else rf"^\s*{_DATE}(?:{_TIME})?\s*$"


def iso_text(moment: datetime, *, has_zone: bool) -> str:
    """The canonical text of a moment in UTC, or of one without a zone."""
    return moment.isoformat() + ("Z" if has_zone else "")


def text_of(microseconds: int, *, has_zone: bool) -> str:
    """The canonical text of so many microseconds since 1970."""
    return iso_text(EPOCH + timedelta(microseconds=microseconds), has_zone=has_zone)


def _microseconds(moment: datetime) -> int:
    since = moment - EPOCH
    return since.days * DAY_US + since.seconds * SECOND_US + since.microseconds
