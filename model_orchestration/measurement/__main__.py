"""`make verify-model`: whether a run is still what its figures say.

Its bundle is fetched and its golden records are scored, its data are checked, its held-out rows scored again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from model_orchestration.job import make_tools
from model_orchestration.measurement.verification import verify
from tabular.process.commands import DIFFERS, plainly, say
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire

MAX_SHOWN = 20


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Verify one run: 0 if all is as it was, 4 if a figure differs, 1 if it is broken, 3 if a service is down."""
    parser = argparse.ArgumentParser(prog="python -m model_orchestration.measurement", description=__doc__)
    parser.add_argument(
        "--run-id", default="", help="a trial, or its sweep; what is pinned or the champion if not given"
    )
    parser.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    arguments = parser.parse_args(given)
    keep_private()
    return plainly(
        lambda: _run((wiring or wire()).for_table(arguments.table), arguments.run_id.strip()),
        "the model is not what it was",
    )


def _run(wiring: Wiring, run_id: str) -> int:
    found = verify(make_tools(wiring), wiring.contract, run_id or wiring.pinned_run or wiring.registry().champion())
    say(f"{word:<9} {text}" for word, text in found.lines)
    say(f"{'differs':<9} {text}" for text in found.differing[:MAX_SHOWN])
    if len(found.differing) > MAX_SHOWN:
        say([f"{'':<9} and {len(found.differing) - MAX_SHOWN} more"])
    return DIFFERS if found.differing else 0


if __name__ == "__main__":
    sys.exit(main())
