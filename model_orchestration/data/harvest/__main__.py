"""`make harvest`: labelled predictions become a new version of the table, on which the next training trains."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast, get_args

from model_orchestration.data.harvest.harvest import HarvestRequest, harvest, summary
from tabular.data.versions.harvested import Mode
from tabular.errors import InvalidSetting, Rejected, TabularError
from tabular.process.private_files import keep_private
from tabular.process.times import moment
from tabular.wiring import Wiring, wire

REJECTED, UNAVAILABLE = 1, 3


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Harvest once and say what was done; 1 with the reason if there is nothing to harvest, 3 if a service is down."""
    arguments = _parser().parse_args(given)
    keep_private()
    try:
        wiring = wiring or wire().for_table(arguments.table)
        who = f"engineer {arguments.by.strip() or 'unknown'}"
        lines = harvested(wiring, arguments.since, arguments.until, arguments.mode, who)
    except Rejected as error:
        sys.stderr.write("\n".join([f"nothing was harvested: {error.message}", *(f"  {one}" for one in error.faults)]))
        sys.stderr.write("\n")
        return REJECTED
    except TabularError as error:
        sys.stderr.write(f"nothing was harvested: {error}. Is the stack up? See `make status`\n")
        return UNAVAILABLE
    for word, text in lines:
        sys.stdout.write(f"{word:<8} {text}\n")
    return 0


def harvested(wiring: Wiring, since: str, until: str, mode: str, who: str) -> Sequence[tuple[str, str]]:
    """Harvest what these words ask for; returns a summary. Raises like `harvest`, and InvalidSetting."""
    if mode not in get_args(Mode):
        raise InvalidSetting(f"mode={mode!r} cannot be used: it must be {' or '.join(get_args(Mode))}")
    asked = HarvestRequest(
        since=moment("since", since),
        until=moment("until", until) or datetime.now(UTC),
        mode=cast(Mode, mode),
        max_rows=wiring.settings.harvest_max_rows,
        who=who,
    )
    return summary(harvest(wiring.objects(), wiring.predictions(), wiring.ledger(), wiring.contract, asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make harvest", description=__doc__)
    parser.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    parser.add_argument("--since", default="", help="labelled at or after this time; where the last harvest ended")
    parser.add_argument("--until", default="", help="labelled before this time; now if not given")
    parser.add_argument("--by", default="", help="the name of the engineer, for the ledger")
    parser.add_argument("--mode", default="append", help="append to the table, or replace it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
