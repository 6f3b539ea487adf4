"""From the ledger's entries and the reports' rows to what the page of a table shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reporting.publish import NEWEST
from tabular.ledger.entry import LedgerEntry
from tabular.ledger.live import CHANGES, champion_after
from tabular.ledger.table import word

HEADLINES = ("roc_auc", "rmse", "log_loss")
"""The measures of which the first that the reports have is drawn; of binary, regression and multiclass models."""
NOT_MARKED = {"promoted", "rolled_back", "challenged", "alarmed", "alarm_ended"}
"""What is drawn as a bar, and not as a mark."""


@dataclass(frozen=True)
class Bar:
    """Something that lasted: a champion, a challenger, an alarm. `colour` tells runs apart, from 0."""

    kind: str
    name: str
    text: str
    since: datetime
    until: datetime
    colour: int = 0


@dataclass(frozen=True)
class Mark:
    """Something that happened at once."""

    kind: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Measured:
    """The headline measure of one run over time: when a report was made, and what it found."""

    run_id: str
    points: Sequence[tuple[datetime, float]]
    colour: int


@dataclass(frozen=True)
class History:
    """The history of one table, oldest first but the entries, which are newest first.

    `measure` is the name of the headline measure, None without any measured quality. `left_out` says that the ledger
    has older entries, which are not shown.
    """

    name: str
    title: str
    since: datetime
    until: datetime
    champions: Sequence[Bar]
    challengers: Sequence[Bar]
    alarms: Sequence[Bar]
    marks: Sequence[Mark]
    measure: str | None
    quality: Sequence[Measured]
    entries: Sequence[LedgerEntry]
    left_out: bool = False


def history(
    name: str,
    title: str,
    entries: Sequence[LedgerEntry],
    reports: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    left_out: bool = False,
) -> History:
    """The history of a table by its entries, newest first, and the rows of its reports."""
    oldest_first = list(reversed(entries))
    since = min((entry.at for entry in oldest_first), default=now)
    champions = _champions(oldest_first, now)
    colours = {bar.name: bar.colour for bar in champions}
    measure, quality = _quality(reports, since, colours)
    return History(
        name=name,
        title=title,
        since=since,
        until=now,
        champions=champions,
        challengers=_challengers(oldest_first, now),
        alarms=_alarms(oldest_first, now),
        marks=[Mark(one.kind, _text(one), one.at) for one in oldest_first if one.kind not in NOT_MARKED],
        measure=measure,
        quality=quality,
        entries=entries,
        left_out=left_out,
    )


def _champions(entries: Iterable[LedgerEntry], now: datetime) -> list[Bar]:
    changes = [entry for entry in entries if entry.kind in CHANGES]
    ends = [*(entry.at for entry in changes), now][1:]
    colours: dict[str, int] = {}
    bars = []
    for entry, until in zip(changes, ends, strict=True):
        run = champion_after(entry) or ""
        bars.append(Bar("promoted", run, _text(entry), entry.at, until, colours.setdefault(run, len(colours))))
    return bars


def _challengers(entries: Iterable[LedgerEntry], now: datetime) -> list[Bar]:
    """From its entry to its promotion or its drop."""
    return _lasting(entries, "challenged", ("promoted", "dropped"), lambda entry: (entry.run_id,), now)


def _alarms(entries: Iterable[LedgerEntry], now: datetime) -> list[Bar]:
    """From an alarm's rise to its end, by run and kind."""
    return _lasting(entries, "alarmed", ("alarm_ended",), lambda one: (one.run_id, one.evidence.get("kind")), now)


def _lasting(entries: Iterable[LedgerEntry], begins: str, ends: tuple[str, ...], key: Any, now: datetime) -> list[Bar]:
    open_ones: dict[Any, LedgerEntry] = {}
    bars = []
    for entry in entries:
        begun = open_ones.get(key(entry))
        if entry.kind == begins:
            open_ones.setdefault(key(entry), entry)
        elif entry.kind in ends and begun is not None:
            bars.append(_bar(begun, entry.at, f"{_text(begun)} Until: {entry.why}"))
            del open_ones[key(entry)]
    return [*bars, *(_bar(entry, now, _text(entry)) for entry in open_ones.values())]


def _bar(entry: LedgerEntry, until: datetime, text: str) -> Bar:
    kind = entry.evidence.get("kind") if entry.kind == "alarmed" else None
    return Bar(entry.kind, str(kind or entry.run_id or entry.table), text, entry.at, until)


def _text(entry: LedgerEntry) -> str:
    about = f" {entry.run_id}" if entry.run_id else ""
    return f"{word(entry.kind)}{about} by {entry.who}: {entry.why}"


def _quality(
    reports: Sequence[Mapping[str, Any]], since: datetime, colours: dict[str, int]
) -> tuple[str | None, list[Measured]]:
    newest = [row for row in reversed(reports) if row.get("kind", NEWEST) == NEWEST]
    measured = [row for row in newest if row.get("quality") and row["made_at"] >= since]
    known = {name for row in measured for name, value in row["quality"].items() if value is not None}
    measure = next((name for name in HEADLINES if name in known), None)
    if measure is None:
        return None, []
    points: dict[str, list[tuple[datetime, float]]] = {}
    for row in measured:
        if row["quality"].get(measure) is not None:
            points.setdefault(row["run_id"], []).append((row["made_at"], row["quality"][measure]))
    runs = {run: colours.setdefault(run, len(colours)) for run in points}
    return measure, [Measured(run, found, runs[run]) for run, found in points.items()]
