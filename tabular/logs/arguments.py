"""What a command that shows logs is asked for: `--service --level --since --id --n --follow`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tabular.errors import InvalidSetting
from tabular.logs.selection import Selection, selection

ENTRIES_SHOWN = 100
MOST_ENTRIES = 1_000_000


class Asked(NamedTuple):
    """Which entries, how many of the newest, and whether those that are still to come."""

    selection: Selection
    newest: int
    follow: bool


def asked(given: Sequence[str]) -> Asked:
    """What is asked for; with a time or an id all entries. Raises InvalidSetting naming the word."""
    parser = argparse.ArgumentParser(prog="make logs", description="The logs of all services, in order of time.")
    for name in ("service", "level", "since", "id", "n"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--follow", action="store_true")
    words = parser.parse_args(list(given))
    if words.n and not (words.n.isdecimal() and int(words.n) > 0):
        raise InvalidSetting(f"n={words.n!r} is no number of entries: give 1 or more")
    wanted = selection(words.service, words.level, words.since, words.id, datetime.now(UTC))
    newest = int(words.n or (MOST_ENTRIES if words.since or words.id else ENTRIES_SHOWN))
    return Asked(wanted, newest, words.follow)
