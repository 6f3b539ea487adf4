"""Lines as they come, of several services, each shown at once or left out with the entry that it belongs to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tabular.logs.entries import LogEntry, begins_entry, entries
from tabular.logs.selection import Selection, chosen, shown

Sent = tuple[str, str]
"""A service, and a line of it."""

_OF_TAIL = re.compile(r"==> (?:.*/)?([^/]+)\.log <==")
_OF_COMPOSE = re.compile(r"(\S+?)(?:-\d+)?\s+\| ?(.*)")


def from_tail(lines: Iterable[str]) -> Iterator[Sent]:
    """What `tail -F` of several files prints: a title whenever the file changes."""
    service = ""
    for line in lines:
        if title := _OF_TAIL.fullmatch(line.strip()):
            service = title.group(1)
        elif line.strip() and not line.startswith("tail: "):
            yield service, line.rstrip("\n")


def from_compose(lines: Iterable[str]) -> Iterator[Sent]:
    """What `docker compose logs --no-color` prints: the container's name before each line."""
    for line in lines:
        if found := _OF_COMPOSE.fullmatch(line.rstrip("\n")):
            yield found.group(1), found.group(2)


def followed(sent: Iterable[Sent], selection: Selection) -> Iterator[str]:
    """The lines that are asked for, each as it comes: nobody knows yet what follows it."""
    is_shown: dict[str, bool] = defaultdict(bool)
    for service, line in sent:
        if begins_entry(line):
            [begun] = entries(service, [line], selection.since)
            is_shown[service] = selection.has(begun)
        if is_shown[service]:
            yield shown(LogEntry(selection.since, "", service, line))


def gathered(sent: Iterable[Sent], selection: Selection, newest: int) -> list[str]:
    """The newest entries that are asked for, of lines that are all there, in order of time."""
    logs: dict[str, list[str]] = defaultdict(list)
    for service, line in sent:
        logs[service].append(line)
    return chosen((entries(service, lines) for service, lines in logs.items()), selection, newest)
