"""Draft the contract of a table: `make contract csv=path target=column`. Writes a file that trains as it stands."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from model_orchestration.data.checks import check
from tabular.data.table import read_csv
from tabular.drafting.draft import Draft, draft_contract
from tabular.errors import InvalidSetting, InvalidTable, TabularError

CONTRACTS = Path("contracts")
MAX_NAME_CHARACTERS = 64


def main(given: list[str] | None = None) -> int:
    """Draft, write and say what was chosen; 1 if something stands in the way."""
    arguments = _parser().parse_args(given)
    try:
        _draft(Path(arguments.csv), arguments.target, arguments.positive, arguments.out)
    except InvalidTable as error:
        sys.stderr.write("\n".join([error.summary, *(f"  {fault}" for fault in error.faults), ""]))
        return 1
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _draft(csv: Path, target: str, positive: str, out: str) -> None:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(out or csv).stem).strip("_")[:MAX_NAME_CHARACTERS] or "table"
    path = Path(out) if out else CONTRACTS / f"{name}.toml"
    if path.exists():
        raise InvalidSetting(
            f"{path} is already there, and is not overwritten: delete it, or name another with out=path"
        )
    body = _read(csv)
    draft = draft_contract(read_csv(body), target, name, csv.name, positive)
    path.write_text(draft.text, encoding="utf-8")
    _tell(draft)
    _tell_checks(draft, body)
    _say("written", f"{path}: read it, above all what is doubted and what is left out")
    _say("next", f"make run CONTRACT={path} DATASET_CSV={csv}")


def _read(csv: Path) -> bytes:
    try:
        return csv.read_bytes()
    except OSError as error:
        raise InvalidSetting(f"csv={str(csv)!r} cannot be read: {error.strerror}") from error


def _tell(draft: Draft) -> None:
    target = draft.target
    _say("task", f"{target.task}, for {target.target.column} has {target.reason}")
    for doubt in target.doubts:
        _say("doubt", doubt)
    features = draft.contract.features
    _say("features", f"{len(features)} of {len(draft.choices)} columns")
    for token, evidence in draft.tokens.items():
        _say("missing", f'"{token}" {evidence}')
    for one in draft.choices:
        if one.suspicion:
            _say("leak?", f"{one.column} is left out: {one.suspicion}")
        elif one.feature is None:
            _say("left out", f"{one.column}: {one.left_out}")


def _tell_checks(draft: Draft, body: bytes) -> None:
    report = check(draft.contract, body)
    for fault in report.errors:
        _say("error", f"a training will reject the table: {fault}")
    for warning in report.warnings:
        _say("warning", warning)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make contract", description=__doc__)
    parser.add_argument("--csv", required=True, help="the table")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--positive", default="", help="of two classes the one whose chance is wanted")
    parser.add_argument("--out", default="", help="the file to write; contracts/NAME.toml if not given")
    return parser


def _say(what: str, text: str) -> None:
    sys.stdout.write(f"{what:<8} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
