"""The versions of the table on the command line: `python -m model_orchestration.data.version_commands --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from model_orchestration.data.versions import differences, table_of
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.versions.naming import find, give_name
from tabular.errors import TabularError
from tabular.ports.objects import Objects
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire


def main(given: Sequence[str] | None = None, wiring: Wiring | None = None) -> int:
    """Run one command and print what it found; 1 with the reason if it cannot be done."""
    arguments = _parser().parse_args(given)
    keep_private()
    try:
        wiring = wiring or wire().for_table(arguments.table)
        lines = _run(arguments, wiring.objects(), wiring.contract)
    except (TabularError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _run(given: argparse.Namespace, objects: Objects, contract: Contract) -> list[str]:
    if given.command == "list":
        return table_of(objects, contract) or [f"The table {contract.table.name} has no version yet: make init_aws"]
    if given.command == "diff":
        before, now = find(objects, contract, given.a), find(objects, contract, given.b)
        return [f"{word:<8} {text}" for word, text in differences(objects, contract, before, now)]
    version = find(objects, contract, given.sha)
    if given.command == "name":
        give_name(objects, contract, given.name, version)
        return [f"{given.name} is the version {version.sha256}"]
    body = feature_store.fetch(objects, contract, version.sha256)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    draft = given.out.with_name(f".{given.out.name}.draft")
    draft.write_bytes(body)
    draft.replace(given.out)
    return [f"{given.out} has the {len(body):,} bytes of the version {version.sha256}"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    of_table = argparse.ArgumentParser(add_help=False)
    of_table.add_argument("--table", default="", help="one of the stack's tables (TABLES); the first if not given")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[of_table], help="every version, newest first")
    diff = commands.add_parser("diff", parents=[of_table], help="what differs between two versions")
    diff.add_argument("a", help="a sha256 or its first digits, a name, current or accepted")
    diff.add_argument("b")
    checkout = commands.add_parser("checkout", parents=[of_table], help="the bytes of a version, as they came")
    checkout.add_argument("sha")
    checkout.add_argument("out", type=Path)
    name = commands.add_parser("name", parents=[of_table], help="give a version a name")
    name.add_argument("sha")
    name.add_argument("name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
