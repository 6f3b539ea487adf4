"""`make promote` and `make rollback`: an engineer decides what serves, and says why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tabular.errors import InvalidSetting, Rejected
from tabular.ledger.entry import LedgerEntry
from tabular.ledger.live import champion_after
from tabular.process.commands import plainly, say
from tabular.process.private_files import keep_private
from tabular.promotion.champion import promote, roll_back
from tabular.promotion.parts import parts_of
from tabular.wiring import Wiring, wire


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one command and say what serves now: 1 with the reason if nothing was changed, 3 if a service is down."""
    arguments = _parser().parse_args(given)
    keep_private()
    return plainly(lambda: _run(arguments, wiring or wire()), "not done")


def _run(given: argparse.Namespace, wiring: Wiring) -> int:
    wiring = wiring.for_table(given.table)
    why, who = given.why.strip(), f"engineer {given.by.strip() or 'unknown'}"
    if not why:
        raise InvalidSetting('why= is empty: say why, such as why="the branch managers agreed on it"; it is recorded')
    if pinned := given.pinned or wiring.pinned_run:
        raise Rejected(
            f"the servers do not follow the champion of {wiring.contract.table.name}, for RUN_ID={pinned} is pinned. "
            "Pin another run instead, or take the pin away first: make start-serve RUN_ID="
        )
    parts = parts_of(wiring)
    entry = promote(parts, given.run_id, who, why) if given.command == "promote" else roll_back(parts, who, why)
    parts.ledger.close()
    say(summary(entry))
    return 0


def summary(entry: LedgerEntry) -> list[str]:
    """What was done, as lines."""
    now = champion_after(entry)
    before = entry.evidence.get("replaced") if entry.kind == "promoted" else entry.run_id
    return [
        f"The champion of {entry.table} is RUN_ID {now}; its golden records were scored bit-identically.",
        f"Before it was {before or 'none'}. Servers look for a new one every MODEL_REFRESH_SECONDS.",
        "It is entered into the ledger: make ledger",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tabular.promotion", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--why", default="", help="the reason, in a sentence; it is recorded")
    common.add_argument("--by", default="", help="the name of the engineer")
    common.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    common.add_argument("--pinned", default="", help="the run that the servers are pinned to, if they are")
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", parents=[common], help="make a run the champion")
    promoting.add_argument("--run-id", required=True, help="the run of a trial, as training or MLflow shows it")
    commands.add_parser("rollback", parents=[common], help="make the run champion again that was it before")
    return parser


if __name__ == "__main__":
    sys.exit(main())
