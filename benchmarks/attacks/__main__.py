"""The API under attack, today against before: memory, a bystander's waiting time, and whether the bounds hold.

    python -m benchmarks.attacks [--against COMMIT] [--only NAME ...] [--scale 1]

Each attack is sent to an API with one worker of its own. `--against` starts the same from another commit, checked
out into a temporary work tree, and shows both; `--against none` shows this version alone. All traffic stays on this
machine.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping

from benchmarks.attacks.attack import Attack
from benchmarks.attacks.catalog import catalog
from benchmarks.attacks.measure import KEY, Measured, measure, warm
from benchmarks.attacks.report import cell, tables
from benchmarks.attacks.server import NoHistory, Version, version
from benchmarks.results import save

BEFORE = "5331816"
"""The last commit before the API was moved to a kept server and everything it holds was bounded."""
NONE = "none"


def main() -> None:
    """Attack both versions, print the tables, leave the result; ends with 1 if this version exceeds a bound."""
    given = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # so that it ends what it started
    chosen = {name: attack for name, attack in catalog().items() if not given.only or name in given.only}
    columns = {}
    if given.against != NONE:
        try:
            columns[f"before ({given.against})"] = column(chosen, given.against, given.scale)
        except NoHistory as error:
            print(
                f"This checkout has no commit {given.against} to compare with, so only this version is shown: {error}"
            )
    columns["now"] = column(chosen, None, given.scale)
    save("attacks", *tables(chosen, columns))
    if any(measured.faults for measured in columns["now"].values()):
        sys.exit("A bound was exceeded.")


def column(attacks: Mapping[str, Attack], commit: str | None, scale: float) -> dict[str, Measured]:
    """What each attack took of one version; raises NoHistory."""
    measured = {}
    with version(commit) as under_attack:
        for name, attack in attacks.items():
            measured[name] = one(attack, under_attack, scale)
            print(
                f"{commit or 'now'} {name}: {cell(measured[name])} {measured[name].faults}", file=sys.stderr, flush=True
            )
    return measured


def one(attack: Attack, under_attack: Version, scale: float) -> Measured:
    """One attack on an API that is started for it."""
    with under_attack.running(attack.environ) as target:
        warm(target, attack.environ.get(KEY, ""))
        return measure(attack, target, scale)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default=BEFORE, metavar="COMMIT", help=f"by default {BEFORE}; {NONE}: no other")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=sorted(catalog()), help="only these attacks")
    parser.add_argument("--scale", type=float, default=1.0, help="less than 1 sends less and for a shorter time")
    return parser.parse_args()


if __name__ == "__main__":
    main()
