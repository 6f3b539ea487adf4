"""What a report is to be about: the one reading of the choices, for `make report` and the flow's parameters alike."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from reporting.comparison.source import OF_TABLES, SLICE, WORDS, Source, count_of, inherited, source_of
from tabular.errors import InvalidSetting

MAX_DATA_SETS = 12
"""Data sets that one report shows side by side: more are no picture any more."""
REFERENCE = "reference"
ARGUMENTS = (*WORDS, "windows", "also", "against")
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


@dataclass(frozen=True)
class ReportRequest:
    """One or several data sets, and the one that each is compared with.

    `against` is None for the reference of the model that made the predictions. `windows` cuts the first data set by
    time into so many.
    """

    current: Source
    also: tuple[Source, ...] = ()
    against: Source | None = None
    windows: int = 1

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every source of rows, the one that is compared with last, if one is named."""
        return (self.current, *self.also, *([self.against] if self.against else []))

    @property
    def is_of_one_model(self) -> bool:
        """True for one window of predictions beside the reference of its model: the report that the schedule writes."""
        is_whole = self.windows == 1 and not self.also and self.current.slice is None
        return is_whole and self.current.is_predictions and self.against is None


def request_of(words: Mapping[str, str]) -> ReportRequest | None:
    """The request that the words make, None if they name nothing: then every table's last hours are reported on.

    The words are those of a source, and `against`, `also`, `windows`. Raises InvalidSetting naming one and the remedy.
    """
    given = {name: text.strip() for name, text in words.items() if text.strip()}
    if unknown := [name for name in given if name not in ARGUMENTS]:
        raise InvalidSetting(f"{unknown[0]}= is no argument of a report. Its arguments are {', '.join(ARGUMENTS)}")
    if not given:
        return None
    first = {name: text for name, text in given.items() if name in WORDS}
    further = [part for part in given.get("also", "").split(";") if part.strip()]
    request = ReportRequest(
        current=source_of(first),
        also=tuple(_further(part, first, "also") for part in further),
        against=_against(given.get("against", ""), first),
        windows=count_of("windows", given.get("windows", "1"), most=MAX_DATA_SETS),
    )
    return _checked(request)


def yes_or_no(name: str, text: str) -> bool:
    """What 1 or 0 says; raises InvalidSetting for anything else."""
    if text.strip().lower() not in (*_YES, *_NO):
        raise InvalidSetting(f"{name}={text!r} must be 1 or 0")
    return text.strip().lower() in _YES


def _against(text: str, first: Mapping[str, str]) -> Source | None:
    if not text and not first.keys() & {*OF_TABLES}:
        return None
    if not text:
        # A version or a file has no model, and so no reference of its own.
        return source_of({"version": "accepted" if "version" in first else "current"} | _slice_alone(first))
    if text == REFERENCE:
        if first.keys() & {*OF_TABLES}:
            raise InvalidSetting(
                "against=reference is the reference of a run: name the run too, as against='run=ID', or another data "
                "set, such as against=version=accepted"
            )
        return None
    return _further(text, first, "against")


def _further(text: str, first: Mapping[str, str], argument: str) -> Source:
    where = f"{argument}={text.strip()!r}: "
    try:
        parts = [part.partition("=") for part in shlex.split(text)]
    except ValueError as error:
        raise InvalidSetting(f"{where}a quotation mark is not closed") from error
    if bare := [name for name, equals, value in parts if not equals or not value]:
        raise InvalidSetting(f"{where}{bare[0]!r} must be WORD=VALUE, of the words {', '.join(WORDS)}")
    named = {name: value for name, _, value in parts}
    return source_of(inherited(named, first) if named.keys() <= {*WORDS} else named, where)


def _slice_alone(first: Mapping[str, str]) -> dict[str, str]:
    return {SLICE: first[SLICE]} if SLICE in first else {}


def _checked(request: ReportRequest) -> ReportRequest:
    if request.windows > 1 and not request.current.is_predictions:
        raise InvalidSetting("windows= cuts predictions by time: a version or a file has none. Leave it out")
    if request.against is not None and request.against in (request.current, *request.also):
        raise InvalidSetting("against= names the same rows as it is compared with: name another data set")
    if 1 + len(request.also) > MAX_DATA_SETS:
        raise InvalidSetting(f"also= names {len(request.also)} data sets: a report shows at most {MAX_DATA_SETS}")
    return request
