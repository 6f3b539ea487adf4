"""Draft the contract of a table: `make contract csv=path target=column`. Writes a file that trains as it stands."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from model_orchestration.data.checks import check
from model_orchestration.data.suspects import suspects
from tabular.contract.canonical import number_in
from tabular.contract.source import SourceOptions, source_of
from tabular.data.reading import RawTable, given_file, read_table
from tabular.drafting.derived_target import DEFAULT_NAME
from tabular.drafting.draft import Draft, Request, draft_contract
from tabular.errors import InvalidSetting, InvalidTable, TabularError

CONTRACTS = Path("contracts")
MAX_NAME_CHARACTERS = 64
HINT = (
    "If the file is written in another way than it was read, say so on the same line: encoding=cp1252, separator=';', "
    "decimal=, or, of a file without a header, columns=a,b,c"
)
PLAIN = SourceOptions(format="csv", separator=",", decimal=".", encoding="utf-8")


@dataclass(frozen=True)
class _Arguments:
    """What the command line asks for; a text that was not given is empty."""

    csv: Path
    out: Path
    request: Request


def main(given: list[str] | None = None) -> int:
    """Draft, write and say what was chosen; 1 if something stands in the way."""
    try:
        _draft(_arguments(vars(_parser().parse_args(given))))
    except InvalidTable as error:
        sys.stderr.write("\n".join([*error.lines, HINT, ""]))
        return 1
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _arguments(given: dict[str, str]) -> _Arguments:
    csv = Path(given["csv"])
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(given["out"] or csv).stem).strip("_")[:MAX_NAME_CHARACTERS] or "table"
    request = Request(
        name=name,
        target=given["target"] or DEFAULT_NAME,
        file=csv.name,
        positive=given["positive"],
        known_before_outcome=_names(given["known"]),
        drop=_names(given["drop"]),
        missing=_names(given["missing"]),
        source=source_of(given),
        suspects=suspects,
        minutes_between=_pair("minutes_between", _names(given["minutes_between"])),
        keep=_limits(given["keep"]),
    )
    if not given["target"] and request.minutes_between is None:
        raise InvalidSetting(
            "name the column to predict: target=column; or minutes_between=begin,end for their minutes"
        )
    if request.keep and request.minutes_between is None:
        raise InvalidSetting("keep= is for minutes_between=begin,end")
    return _Arguments(csv, Path(given["out"]) if given["out"] else CONTRACTS / f"{name}.toml", request)


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())


def _pair(key: str, names: tuple[str, ...]) -> tuple[str, str] | None:
    if not names:
        return None
    if len(names) != 2 or names[0] == names[1]:
        raise InvalidSetting(f"{key}= takes two columns, the earlier one first: {key}=begin,end")
    return names[0], names[1]


def _limits(given: str) -> tuple[float, float] | None:
    numbers = [number_in(text) for text in _names(given)]
    if not numbers:
        return None
    low, high = (*numbers, None, None)[:2]
    if len(numbers) != 2 or low is None or high is None or not low < high:
        raise InvalidSetting(
            f"keep= takes the lowest and the highest number of minutes, such as keep=1,60; not {given}"
        )
    return low, high


def _draft(arguments: _Arguments) -> None:
    csv, out, request = arguments.csv, arguments.out, arguments.request
    if out.exists():
        raise InvalidSetting(
            f"{out} is already there, and is not overwritten: delete it, or name another with out=path"
        )
    body = given_file(csv)
    raw = read_table(body, request.source)
    draft = draft_contract(raw.cells, replace(request, source=_pinned(raw)))
    _write(out, draft.text)
    _say("read as", raw.read_as.described(request.source))
    _tell(draft)
    _tell_checks(draft, body)
    _say("written", f"{out}: read it, above all what is doubted and what is left out")
    _say("next", f"make run CONTRACT={shlex.quote(str(out))} DATASET_CSV={shlex.quote(str(csv))}")


def _pinned(raw: RawTable) -> SourceOptions:
    """The `[source]` by which the file is read the same again; an empty one for a plain CSV and for Parquet."""
    named = raw.read_as.named(list(raw.cells.columns))
    return SourceOptions() if named.format == "parquet" or named == PLAIN else named


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidSetting(f"out={str(out)!r} cannot be written: {error.strerror}") from error


def _tell(draft: Draft) -> None:
    target = draft.target
    has = "is" if target.target.minutes_between else "has"
    _say("task", f"{target.task}, for {target.target.column} {has} {target.reason}")
    for doubt in target.doubts:
        _say("doubt", doubt)
    _say("features", f"{len(draft.contract.features)} of {len(draft.choices)} columns")
    for token, evidence in draft.tokens.items():
        _say("missing", f'"{token}" {evidence}')
    if draft.contract.split.group_column:
        _say("split", f"the rows of one {draft.contract.split.group_column} stay in one part")
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
    parser.add_argument("--csv", required=True, help="the table: CSV or Parquet")
    parser.add_argument("--target", default="", help="the column to predict")
    parser.add_argument("--minutes_between", default="", help="predict the minutes between two columns: begin,end")
    parser.add_argument("--keep", default="", help="of these minutes the rows to keep: lowest,highest")
    parser.add_argument("--positive", default="", help="of two classes the one whose chance is wanted")
    parser.add_argument("--known", default="", help="columns known before the outcome, however much they tell: a,b")
    parser.add_argument("--drop", default="", help="columns that are no features: a,b")
    parser.add_argument("--missing", default="", help='texts that mean "not known", beside those that are found: a,b')
    parser.add_argument("--out", default="", help="the file to write; contracts/NAME.toml if not given")
    parser.add_argument("--separator", default="", help='where the content does not show it: , ; | "tab" or a space')
    parser.add_argument("--decimal", default="", help="the decimal mark of the numbers: . or ,")
    parser.add_argument("--encoding", default="", help="the encoding of the text, such as cp1252")
    parser.add_argument("--columns", default="", help="the names of the columns, of a file without a header: a,b,c")
    return parser


def _say(what: str, text: str) -> None:
    sys.stdout.write(f"{what:<8} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
