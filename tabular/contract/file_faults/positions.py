"""Where a key of a contract stands in its file: for errors that name the line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator

Key = tuple[str | int, ...]
"""The path of a key, such as ("table", "name"); of a list of tables with the position, ("features", 2, "range")."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?")
_PAIR = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+)\s*=""")


def lines_of(text: str) -> dict[Key, int]:
    """The line, from 1, of each table and key of a valid TOML text; dotted and inline keys have their table's."""
    found: dict[Key, int] = {}
    table: Key = ()
    counts: Counter[str] = Counter()
    for number, statement in _statements(text):
        if header := _HEADER.fullmatch(statement):
            name = header[2]
            table = (name, counts[name]) if header[1] == "[[" else tuple(name.split("."))
            counts[name] += header[1] == "[["
            found.setdefault(table, number)
        elif pair := _PAIR.match(statement):
            found[*table, pair[1].strip("\"'")] = number
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and each key with its whole value, with the line on which it begins."""
    begun, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if parts else number
        parts.append(line)
        if len(parts) > 1 and line.rstrip().endswith(","):
            continue  # in the middle of an array: no need to parse what is not whole
        statement = "\n".join(parts)
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        yield begun, statement
        parts = []
