"""Write a page about a table: `make profile csv=path target=column`, or `make profile CONTRACT=path`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reporting.table_profile.kinds import kinds_of
from reporting.table_profile.page import profile_page
from reporting.table_profile.profile import Given, TableProfile, profile_table, sampled
from reporting.table_profile.target import target_in, target_of
from reporting.table_profile.versions import EarlierVersion, earlier_version, stored
from tabular.contract.features import Feature
from tabular.contract.loading import load_contract
from tabular.contract.source import SourceOptions, source_of
from tabular.contract.types import Contract
from tabular.data.column_names import absent_columns
from tabular.data.reading import RawTable, given_file, read_table
from tabular.errors import InvalidSetting, InvalidTable, TabularError
from tabular.process.private_files import keep_private
from tabular.settings import load_settings, with_values
from tabular.wiring import Wiring

PAGES = Path("build/profiles")


def main(given: Sequence[str] | None = None) -> int:
    """Profile, write the page and its data, and say where they are; 1 with the reason if it cannot be done."""
    arguments = _parser().parse_args(given)
    keep_private()
    try:
        name, profile = _profile(arguments)
        page = Path(arguments.out) if arguments.out else PAGES / f"{name}.html"
        _write(page, profile)
    except InvalidTable as error:
        sys.stderr.write("\n".join([*error.lines, ""]))
        return 1
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"read as  {profile.read_as}\n")
    sys.stdout.write(f"earlier  {profile.earlier}\n")
    sys.stdout.write(f"written  {page}: open it in a browser; its figures are in {page.with_suffix('.json')}\n")
    return 0


def _profile(arguments: argparse.Namespace) -> tuple[str, TableProfile]:
    if arguments.contract:
        return _under_contract(Path(arguments.contract), arguments.csv)
    if not arguments.csv:
        raise InvalidSetting("say which table: csv=path, or CONTRACT=path for one that has a contract")
    file = Path(arguments.csv)
    raw = read_table(given_file(file), source_of(vars(arguments)))
    return _name(file), _without_contract(raw, file, arguments.target)


def _without_contract(raw: RawTable, file: Path, target: str) -> TableProfile:
    if raw.cells.empty:
        raise InvalidTable("the table has no rows")
    some = sampled(raw.cells)
    contract, left_out = kinds_of(some, _name(file), target)
    read_as = raw.read_as.described(SourceOptions())
    given = Given(contract, left_out, file.name, read_as, target or None, None, "a table without a contract has none")
    return profile_table(raw.cells, given, target_in(contract, target, some) if target else None, None)


def _under_contract(path: Path, csv: str) -> tuple[str, TableProfile]:
    contract = load_contract(path)
    wiring = Wiring(with_values(load_settings(), contract=str(path)))
    if csv:
        raw, source = read_table(given_file(Path(csv)), contract.source), Path(csv).name
        earlier = earlier_version(wiring, contract)
    else:
        version, raw = stored(wiring, contract)
        source = f"version {version.sha256[:12]} of {contract.table.name}"
        earlier = earlier_version(wiring, contract, other_than=version.sha256)
    if absent := absent_columns(contract, list(raw.cells.columns)):
        raise InvalidTable("the table lacks columns", absent)
    return contract.table.name, _profiled(contract, raw, source, earlier)


def _profiled(contract: Contract, raw: RawTable, source: str, earlier: EarlierVersion) -> TableProfile:
    some, target = sampled(raw.cells), contract.target
    known = {feature.column for feature in contract.features}
    others = [str(column) for column in raw.cells.columns if column not in known and column != target.column]
    given = Given(
        contract,
        dict.fromkeys(others, "it is no feature of the contract"),
        source,
        raw.read_as.described(contract.source),
        target.column,
        None if target.minutes_between else _target_feature(contract),
        earlier.description,
    )
    return profile_table(raw.cells, given, target_of(contract, some), earlier.table)


def _target_feature(contract: Contract) -> Feature:
    column, classes = contract.target.column, contract.target.classes
    if classes:
        return Feature(column, column, "category", categories=classes)
    return Feature(column, column, "number", range=(-1.7e308, 1.7e308))


def _name(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", file.name.partition(".")[0]).strip("_") or "table"


def _write(page: Path, profile: TableProfile) -> None:
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(profile_page(profile), encoding="utf-8")
        page.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(profile), indent=2))
    except OSError as error:
        raise InvalidSetting(f"out={str(page)!r} cannot be written: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--csv", default="", help="the table: CSV or Parquet")
    parser.add_argument("--target", default="", help="the column to predict, of a table without a contract")
    parser.add_argument("--contract", default="", help="the contract; without a file, of the version in the store")
    parser.add_argument("--separator", default="", help='without a contract: , ; | "tab" or a space')
    parser.add_argument("--decimal", default="", help="without a contract: the decimal mark of the numbers, . or ,")
    parser.add_argument("--encoding", default="", help="without a contract: the encoding of the text, such as cp1252")
    parser.add_argument("--columns", default="", help="without a contract and a header: the names of the columns, a,b")
    parser.add_argument("--out", default="", help="the page to write; build/profiles/NAME.html if not given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
