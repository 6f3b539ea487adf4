"""Which entries are shown, of which services, and how the entries of several logs become one log."""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tabular.errors import InvalidSetting
from tabular.logs.entries import BEGINNING, LEVELS, LogEntry
from tabular.process.times import moment

_AGO = re.compile(r"(\d{1,6})\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Selection:
    """What is asked for: services by name (all if empty), the least severe level, since when, and a text within."""

    services: frozenset[str] = frozenset()
    level: str = LEVELS[0]
    since: datetime = BEGINNING
    text: str = ""

    def has(self, entry: LogEntry) -> bool:
        """True if the entry is one of those."""
        return (
            self.is_of(entry.service)
            and LEVELS.index(entry.level) >= LEVELS.index(self.level)
            and entry.at >= self.since
            and self.text in entry.text
        )

    def is_of(self, service: str) -> bool:
        """True if the service is asked for: by its name, or by that of which it is a further one, as `consumer-2`."""
        return not self.services or service in self.services or re.sub(r"-(\d+|[ab])$", "", service) in self.services


def selection(service: str, level: str, since: str, text: str, now: datetime) -> Selection:
    """What the words of a command ask for; raises InvalidSetting naming the word and what is allowed."""
    level = level.lower() or LEVELS[0]
    if level not in LEVELS:
        raise InvalidSetting(f"level={level!r} is none: it is one of {', '.join(LEVELS)}, and all from that one on")
    services = frozenset(each.strip() for each in service.split(",") if each.strip())
    return Selection(services, level, _since(since, now), text)


def chosen(logs: Iterable[Iterable[LogEntry]], selection: Selection, newest: int) -> list[str]:
    """The newest entries of several logs that are asked for, as one text each, in order of time."""
    merged = heapq.merge(*logs, key=lambda entry: entry.at)
    found = deque((entry for entry in merged if selection.has(entry)), maxlen=newest)
    width = max((len(entry.service) for entry in found), default=0)
    return [shown(entry, width) for entry in found]


def shown(entry: LogEntry, width: int = 0) -> str:
    """The entry with its service before each line; a JSON line as it is, for it says so itself."""
    if entry.text.startswith("{"):
        return entry.text
    return "\n".join(f"{entry.service:{width}} | {line}" for line in entry.text.splitlines())


def _since(text: str, now: datetime) -> datetime:
    if not text:
        return BEGINNING
    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
    if not text[:4].isdigit():
        raise InvalidSetting(f"since={text!r} is no time: give how long ago, as 10m, 2h or 1d, or 2026-11-20T12:00Z")
    return moment("since", text) or BEGINNING
