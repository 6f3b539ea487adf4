"""A drafted contract as the text of its file: TOML with a comment beside each choice that may be doubted."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tabular.contract.derived import Derived
from tabular.contract.features import Feature
from tabular.contract.source import SourceOptions
from tabular.contract.training import Training
from tabular.contract.types import Contract
from tabular.drafting.choice import Choice
from tabular.drafting.target import TargetChoice

MAX_LINE = 120
A_KEY = "requests may carry it, and labels name their predictions by it; no model sees it"


def contract_text(
    contract: Contract, choices: Sequence[Choice], target: TargetChoice, head: Sequence[str], tokens: Mapping[str, str]
) -> str:
    """The file: `head` are its first comment's lines, `tokens` the evidence for each missing token."""
    parts = [
        _comments(head),
        _table(contract, choices, target, tokens),
        *_source(contract.source, target.invalid_rows + sum(one.invalid_rows for one in choices if one.kept)),
        ["[target]", *_comments(target.doubts), *_pairs(target)],
        ["[reply]", f"prediction_key = {text(contract.reply.prediction_key)}"],
        *_split(contract, choices),
        *_training(contract.training),
        *[_feature(one.feature, one.notes) for one in choices if one.feature and not one.suspicion],
        *[_derived(each) for one in choices if one.kept for each in one.derived],
        *[_suspect(one, one.feature, one.suspicion) for one in choices if one.feature and one.suspicion],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def text(value: str) -> str:
    """A TOML basic string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(contract: Contract, choices: Sequence[Choice], target: TargetChoice, tokens: Mapping[str, str]) -> list[str]:
    table = contract.table
    lines = ["[table]", f"name = {text(table.name)}", f"title = {text(table.title)}"]
    lines += [f"task = {text(table.task)}  # {_printable(target.reason)}"]
    if table.id_column:
        why = next(one.left_out for one in choices if one.column == table.id_column)
        lines += [f"id_column = {text(table.id_column)}  # {_printable(why or '')}"]
    if table.business_key:
        lines += [f"business_key = {text(table.business_key)}  # {A_KEY}"]
    if tokens:
        lines += ['# Texts that mean "not known":', *_comments(f"{text(token)} {why}" for token, why in tokens.items())]
        lines += [f"missing_tokens = {_list(tokens)}"]
    dropped = [one for one in choices if one.column in table.dropped_columns]
    if dropped:
        lines += ["dropped_columns = ["]
        for one in dropped:
            lines += [*_comments([one.suspicion or one.left_out or ""], "    "), f"    {text(one.column)},"]
        lines += ["]"]
    if table.known_before_outcome:
        lines += [f"known_before_outcome = {_list(table.known_before_outcome)}  # as known= says"]
    if table.slice_features:
        lines += [f"slice_features = {_list(table.slice_features)}  # few categories: metrics are reported for each"]
    return lines


def _source(source: SourceOptions, invalid_rows: int) -> list[list[str]]:
    given = {
        key: value for key, value in msgspec.structs.asdict(source).items() if value != getattr(SourceOptions(), key)
    }
    if not given:
        return []
    lines = [f"{key} = {_any(value)}" for key, value in given.items()]
    if "on_invalid" in given:
        lines[-1] += f"  # at most {invalid_rows:,} of the rows are no valid ones: see below which"
    return [["[source]", *lines]]


def _split(contract: Contract, choices: Sequence[Choice]) -> list[list[str]]:
    """The group that rows stay together with, and the hint that the table has a time."""
    parts: list[list[str]] = []
    if contract.split.group_column is not None:
        why = next(one.left_out for one in choices if one.column == contract.split.group_column)
        lead = _comments([f"{why}: its rows stay in one part of the split, for a model is to meet new ones"])
        parts.append([*lead, "[split]", f"group_column = {text(contract.split.group_column)}"])
    if datetimes := [one.column for one in choices if one.kept and one.kept.is_datetime]:
        lead = _comments(
            ["If a model is to predict rows later than those that it has learnt from, test it on such rows"]
        )
        header = [] if parts else ["# [split]"]
        parts.append([*lead, *header, f"# time_column = {_printable(text(datetimes[0]))}"])
    return [[line for part in parts for line in part]] if parts else []


def _training(training: Training) -> list[list[str]]:
    if training == Training():
        return []
    why = "A category has so many values that trees may do better with them than with their codes: validation decides"
    return [[*_comments([why]), "[training]", f"categories = {text(training.categories)}"]]


def _any(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _list(value) if isinstance(value, tuple) else _value(value)


def _pairs(target: TargetChoice) -> list[str]:
    lines = [f"column = {text(target.target.column)}"]
    if target.target.classes:
        lines.append(f"classes = {_list(target.target.classes)}")
    if target.target.minutes_between is not None:
        lines.append(f"minutes_between = {_list(target.target.minutes_between)}")
    if target.target.keep is not None:
        lines.append(f"keep = [{', '.join(_number(bound) for bound in target.target.keep)}]")
    if target.target.positive is not None:
        lines.append(f"positive = {text(target.target.positive)}")
    return lines


def _feature(feature: Feature, notes: Iterable[str]) -> list[str]:
    lines = ["[[features]]", f"name = {text(feature.name)}", f"column = {text(feature.column)}"]
    lines += [f"kind = {text(feature.kind)}", '# TODO description = "What it is, with its unit."']
    lines += [f"example = {_value(feature.example)}", *_comments(notes)]
    if feature.range is not None:
        return [*lines, f"range = [{', '.join(_number(bound) for bound in feature.range)}]"]
    if feature.is_datetime:
        return [*lines, f"time_zone = {text(feature.time_zone)}"]
    if feature.learns_categories:
        return [*lines, 'categories = "learn"', f"least_count = {feature.least_count}"]
    return [*lines, f"categories = {_list(feature.categories)}"]


def _derived(derived: Derived) -> list[str]:
    return [
        "[[derived]]",
        f"name = {text(derived.name)}",
        f"operation = {text(derived.operation)}",
        f"of = {_list(derived.of)}",
    ]


def _suspect(choice: Choice, feature: Feature, suspicion: str) -> list[str]:
    lead = _comments(
        [
            f"SUSPECTED LEAK: {suspicion}. Is its value known before the outcome? If it is, take its line out of "
            'dropped_columns and the leading "# " off the lines below, and name it in known_before_outcome'
        ]
    )
    blocks = [_feature(feature, choice.notes), *map(_derived, choice.derived)]
    lines = "\n".join("\n".join(block) for block in blocks).split("\n")
    return lead + [f"# {line}" for line in lines]


def _comments(notes: Iterable[str], indent: str = "") -> list[str]:
    """Each note as a sentence of its own, in as many lines as it takes."""
    return [line for note in notes for line in _wrapped(_sentence(note), f"{indent}# ")]


def _sentence(note: str) -> str:
    return note if note.endswith((".", "?")) else f"{note}."


def _printable(words: str) -> str:
    """The words without what no comment may hold: names of columns may have control characters."""
    return "".join(mark if mark.isprintable() else " " for mark in words)


def _wrapped(words: str, lead: str) -> list[str]:
    return textwrap.wrap(
        _printable(words),
        MAX_LINE,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _list(values: Iterable[str]) -> str:
    """An array in one line, or filled lines where that is too long."""
    texts = [text(value) for value in values]
    line = f"[{', '.join(texts)}]"
    if len(line) < MAX_LINE:
        return line
    lines: list[str] = []
    current = "   "
    for each in texts:
        if len(current) + len(each) + 2 > MAX_LINE and current.strip():
            lines, current = [*lines, current], "   "
        current += f" {each},"
    return "\n".join(["[", *lines, current, "]"])


def _value(value: int | float | str | None) -> str:
    return text(value) if isinstance(value, str) else _number(value or 0)


def _number(value: int | float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
