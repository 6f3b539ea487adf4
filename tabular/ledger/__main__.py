"""`make ledger` and `make live`: what happened to the models of each table, and what served at a time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from tabular.errors import InvalidSetting
from tabular.ledger.live import AROUND, Live, champion_after, live
from tabular.ledger.table import lines, read_kinds, word
from tabular.process.commands import DIFFERS, REJECTED, plainly, say
from tabular.process.private_files import keep_private
from tabular.process.times import moment, shown
from tabular.wiring import Wiring, wire


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one command: 1 for what cannot be told, 3 if the store is down, 4 if ledger and predictions disagree."""
    arguments = _parser().parse_args(given)
    keep_private()
    command = {"show": _show, "live": _live}[arguments.command]
    return plainly(lambda: command(arguments, wiring or wire()), "the ledger cannot be shown")


def _show(given: argparse.Namespace, wiring: Wiring) -> int:
    if given.n < 1:
        raise InvalidSetting(f"n={given.n} is no number of entries: 1 or more")
    table = wiring.for_table(given.table).contract.table.name if given.table else None
    asked = {"since": moment("since", given.since), "until": moment("until", given.until)}
    ledger = wiring.ledger()
    found = ledger.entries(table=table, kinds=read_kinds(given.kind), limit=given.n + 1, **asked)
    ledger.close()
    shown_ones = found[: given.n]
    say(lines(shown_ones) if found else ["The ledger has no such entry yet."])
    if len(found) > given.n:
        say(["", f"These are the newest {given.n}; to see more: n={given.n * 10}"])
    return 0


def _live(given: argparse.Namespace, wiring: Wiring) -> int:
    at = moment("at", given.at)
    if at is None:
        raise InvalidSetting("at= is empty: say which time, such as at=2026-11-01T08:30Z")
    if at > datetime.now(UTC):
        raise InvalidSetting(f"at={given.at!r} is yet to come")
    wiring = wiring.for_table(given.table)
    table, ledger, predictions = wiring.contract.table.name, wiring.ledger(), wiring.predictions()
    found = live(ledger, predictions, table, at)
    ledger.close()
    predictions.close()
    say(f"{key:<12} {text}" for key, text in summary(table, found))
    if found.entry is None and not found.runs:
        return REJECTED
    return DIFFERS if found.entry is not None and found.others else 0


def summary(table: str, found: Live) -> list[tuple[str, str]]:
    """What served, as pairs of a word and a text."""
    head = [("table", table), ("at", f"{shown(found.at)} UTC")]
    entry = found.entry
    if entry is None:
        head.append(("run", "the ledger knows of no champion by then"))
    else:
        evidence = {name: str(entry.evidence.get(name) or "unknown") for name in ("data_version", "contract", "bundle")}
        head += [
            ("run", str(champion_after(entry))),
            ("since", f"{shown(entry.at)} UTC, {word(entry.kind)} by {entry.who}: {entry.why}"),
            ("data", f"version {evidence['data_version']}"),
            ("contract", evidence["contract"]),
            ("bundle", evidence["bundle"]),
        ]
    return [*head, ("predictions", _checked(found))]


def _checked(found: Live) -> str:
    within = f"within {AROUND.seconds // 60} minutes"
    if not found.runs:
        return f"none is stored {within}, so there is nothing to compare with"
    counts = ", ".join(f"about {count:,} by {run}" for run, count in found.runs.items())
    if found.entry is None:
        return f"{counts} {within}"
    if not found.others:
        return f"{counts} {within}, as the ledger says"
    why = "A run that is pinned, or that a file was scored by, is not in the ledger"
    return f"{counts} {within}: NOT only by the champion. {why}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tabular.ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="the newest entries, newest first")
    show.add_argument("--table", default="", help="one of the stack's tables; all if not given")
    show.add_argument("--since", default="", help="entries at or after this time")
    show.add_argument("--until", default="", help="entries before this time")
    show.add_argument("--kind", default="", help="kinds of entries, by commas; all if not given")
    show.add_argument("--n", type=int, default=30, help="how many at most")
    at = commands.add_parser("live", help="what served at a time")
    at.add_argument("at", help="a date or time, such as 2026-11-01T08:30Z; UTC unless it names a zone")
    at.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
