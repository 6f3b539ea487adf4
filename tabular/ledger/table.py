"""Entries of the ledger as lines on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from tabular.errors import InvalidSetting
from tabular.ledger.entry import Kind, LedgerEntry
from tabular.process.times import shown

WORDS = {"rolled_back": "rolled back", "alarm_ended": "alarm ended", "labels_arrived": "labels arrived"}


def word(kind: Kind) -> str:
    """What happened, in words."""
    return WORDS.get(kind, kind)


def read_kinds(text: str) -> tuple[Kind, ...]:
    """The kinds that are named, by commas; raises InvalidSetting naming one that is none."""
    named = tuple(part.strip().replace(" ", "_") for part in text.split(",") if part.strip())
    known: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    if unknown := [name for name in named if name not in known]:
        raise InvalidSetting(f"kind={unknown[0]!r} is no kind of entry: choose among {', '.join(known)}")
    return tuple(known[name] for name in named)


def lines(entries: Sequence[LedgerEntry]) -> list[str]:
    """A table of entries, in their order: when (UTC), the table, what happened, to which run, who, and why."""
    rows = [
        (shown(one.at), one.table, word(one.kind), one.run_id or "", one.who, " ".join(one.why.split()))
        for one in entries
    ]
    rows.insert(0, ("when (UTC)", "table", "what", "run", "who", "why"))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
