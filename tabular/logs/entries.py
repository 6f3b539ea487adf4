"""The entries of a log, whoever wrote it: a line with a time, and the lines that follow it without one.

Each program has its own notation: ours, JSON, Prefect's, MLflow's, Nginx's, Prometheus'. All of them begin with a time,
and most have the word of a level soon after it: that is all that is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

LEVELS = ("debug", "info", "warning", "error", "critical")
"""From the least to the most severe."""

_TIME = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6})\d*)? ?(Z|[+-]\d\d:?\d\d)?"
    r"|(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})"
)
_LEVEL = re.compile(r"\b(?:level=|\")?(debug|info|notice|warn|warning|error|crit|critical|alert|emerg|fatal)\b", re.I)
_MEANT = {
    "notice": "info",
    "warn": "warning",
    "crit": "critical",
    "alert": "critical",
    "emerg": "critical",
    "fatal": "critical",
}
_OF_MONGODB = {"D": "debug", "I": "info", "W": "warning", "E": "error", "F": "critical"}
_SEARCHED_CHARACTERS = 100
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LogEntry:
    """What was logged at once: its time (UTC), its level, who logged it, and its lines as they were written."""

    at: datetime
    level: str
    service: str
    text: str


def entries(service: str, lines: Iterable[str], since: datetime = BEGINNING) -> Iterator[LogEntry]:
    """The entries of one log, in its order; a line without a time belongs to the entry before it.

    What comes before the first time has the time `since`. A line that begins with a level is an entry of its own.
    """
    at, level, gathered = since, "info", list[str]()
    for raw in lines:
        line = raw.rstrip("\n")
        found = _read(line)
        if found is None and gathered:
            gathered.append(line)
            continue
        if gathered:
            yield LogEntry(at, level, service, "\n".join(gathered))
        at, level = (found[0] or at, found[1]) if found else (at, "info")
        gathered = [line]
    if gathered:
        yield LogEntry(at, level, service, "\n".join(gathered))


def begins_entry(line: str) -> bool:
    """False for a line that belongs to the entry before it, such as one of a traceback."""
    return _read(line) is not None


def _read(line: str) -> tuple[datetime | None, str] | None:
    """The time and the level that a line begins an entry with; None if it belongs to the entry before it."""
    if line.startswith("{") and (fields := _json(line)) is not None:
        return _of_json(fields)
    head = line[:_SEARCHED_CHARACTERS]
    found = _LEVEL.search(head)
    level = _level(found.group(1)) if found else "info"
    if (at := _time(head)) is not None:
        return at, level
    return (None, level) if found and found.start() == 0 and found.group(1).isupper() else None


def _of_json(fields: dict[str, Any]) -> tuple[datetime | None, str]:
    given = next((fields[name] for name in ("time", "ts", "t", "timestamp") if name in fields), "")
    text = str(given.get("$date", "") if isinstance(given, dict) else given)
    level = fields.get("level") or fields.get("lvl") or _OF_MONGODB.get(str(fields.get("s")), "info")
    return _time(text), _level(str(level))


def _json(line: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _level(word: str) -> str:
    plain = word.lower()
    meant = _MEANT.get(plain, plain)
    return meant if meant in LEVELS else "info"


def _time(text: str) -> datetime | None:
    """The first time in a text; one that names no zone is this machine's own."""
    found = _TIME.search(text)
    if found is None:
        return None
    try:
        if found.group(9):
            return datetime.strptime(found.group(0), "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        year, month, day, hour, minute, second, fraction, zone = found.groups()[:8]
        plain = f"{year}-{month}-{day}T{hour}:{minute}:{second}.{(fraction or '0').ljust(6, '0')}"
        return datetime.fromisoformat(f"{plain}{zone or ''}").astimezone(UTC)
    except ValueError:  # such as the 31st of February
        return None
