"""What kind of a task a target makes: two classes, several, or a number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from tabular.contract.canonical import LARGEST_NUMBER, Canonical, canonical
from tabular.contract.source import SourceOptions
from tabular.contract.types import Target, Task
from tabular.drafting.column import ColumnProfile, share, shown
from tabular.drafting.missing import likely_missing
from tabular.drafting.numbers.number_marks import numbers_with_marks
from tabular.encoding.values import listed
from tabular.errors import Fault, InvalidTable

POSITIVE_WORDS = ("yes", "true", "y", "t", "1")
MAX_NUMBER_CLASSES = 10
"""A target of more different numbers is a value to predict, of fewer whole ones a class."""
MAX_TEXT_CLASSES = 100
MIN_CLASS_ROWS = 10
MAX_INVALID_SHARE = SourceOptions().max_dropped_share
"""So many rows a drafted contract drops, if they are not valid: those without a target, above all."""


@dataclass(frozen=True)
class TargetChoice:
    """The task, the target as the contract says it, why, what is doubtful about it, and how many rows have none."""

    task: Task
    target: Target
    reason: str
    doubts: tuple[str, ...] = ()
    invalid_rows: int = 0


def choose_target(column: ColumnProfile, positive: str = "") -> TargetChoice:
    """The task that the target's column makes; `positive` names the class of a binary one whose chance is wanted.

    Raises InvalidTable for a target that more than a few rows lack, with one value, or with texts that are no classes.
    """
    known = column.without(lambda text: text in _missing_texts(column))
    if not (unknown := known.missing):
        return _chosen(column, positive)
    _require_few(column, unknown)
    chosen = _chosen(known, positive)
    doubt = f"{share(unknown, column.rows)} have no target, and are dropped: nothing can be learnt from them"
    return replace(chosen, doubts=(*chosen.doubts, doubt), invalid_rows=unknown)


def _chosen(column: ColumnProfile, positive: str) -> TargetChoice:
    labels = _labels(column)
    if len(labels) < 2:
        raise _fault(column, "has one value only", "a target that varies")
    if column.is_numeric and (len(labels) > MAX_NUMBER_CLASSES or not column.is_whole):
        return _regression(column, positive)
    if len(labels) > MAX_TEXT_CLASSES and (marked := numbers_with_marks(column)):
        raise _fault(column, f"holds {marked}", "plain numbers")
    if len(labels) > MAX_TEXT_CLASSES:
        raise _fault(column, f"has {len(labels):,} different texts", f"numbers, or at most {MAX_TEXT_CLASSES} classes")
    if len(labels) == 2:
        return _binary(column, labels, positive)
    if positive:
        raise _fault(column, f"has {len(labels)} classes, so that none is the positive one", "no positive=")
    return _multiclass(column, labels)


def _missing_texts(column: ColumnProfile) -> list[str]:
    return [text for text in likely_missing(column) if text.casefold() not in {"none", "unknown", "-"}]


def _require_few(column: ColumnProfile, rows: int) -> None:
    """Raises InvalidTable if too many rows have no target to drop them."""
    if rows <= MAX_INVALID_SHARE * column.rows:
        return
    missing = _missing_texts(column)
    held = f" ({listed([shown(text) for text in missing])})" if missing else ""
    problem = f"has no value{held} in {share(rows, column.rows)}"
    allowed = (
        f"a value in all but {MAX_INVALID_SHARE:.0%} of the rows: leave these out, nothing can be learnt from them"
    )
    raise _fault(column, problem, allowed)


def _labels(column: ColumnProfile) -> dict[str, int]:
    """The classes in their most frequent spelling, with their rows, in rising order."""
    spelling: dict[Canonical, str] = {}
    rows: Counter[str] = Counter()
    for text, count in column.counts.items():
        rows[spelling.setdefault(canonical(text), text)] += count
    return {label: rows[label] for label in sorted(rows, key=lambda text: (column.numbers.get(text, 0.0), text))}


def _regression(column: ColumnProfile, positive: str) -> TargetChoice:
    if positive:
        raise _fault(column, "holds numbers to predict, so that none is the positive class", "no positive=")
    if any(abs(number) > LARGEST_NUMBER for number in column.numbers.values()):
        raise _fault(column, "holds numbers beyond single precision", f"numbers up to {LARGEST_NUMBER:.3g}")
    numbers = column.numbers.values()
    reason = f"{len(set(numbers)):,} different numbers from {min(numbers):g} to {max(numbers):g}"
    doubts = () if min(numbers) < 0 else ("no target is below 0: with non_negative = true no score is either",)
    return TargetChoice("regression", Target(column.name), reason, doubts)


def _binary(column: ColumnProfile, labels: dict[str, int], positive: str) -> TargetChoice:
    chosen, why = _positive(column, labels, positive)
    classes = tuple(sorted(labels, key=lambda label: label == chosen))
    reason = f"two values: {_with_rows(labels, column.rows)}"
    return TargetChoice("binary", Target(column.name, classes=classes, positive=chosen), reason, (why, *_small(labels)))


def _positive(column: ColumnProfile, labels: dict[str, int], named: str) -> tuple[str, str]:
    if named:
        for label in labels:
            if canonical(label) == canonical(named):
                return label, f"the chance of {shown(label)} is reported, as positive= says"
        raise _fault(column, f"has no class {shown(named)}", f"positive= one of {listed(list(labels))}")
    for label in labels:
        if label.casefold() in POSITIVE_WORDS:
            return label, f"the chance of {shown(label)} is reported: of the two it says yes. Is it the one wanted?"
    rarest = min(labels, key=lambda label: labels[label])
    return rarest, f"the chance of {shown(rarest)} is reported: it is the rarer one. Is it the one wanted?"


def _multiclass(column: ColumnProfile, labels: dict[str, int]) -> TargetChoice:
    doubts = _small(labels)
    if column.is_numeric:
        doubts = ('if these are amounts and not classes, write task = "regression", and no classes', *doubts)
    reason = f"{len(labels)} values: {_with_rows(labels, column.rows)}"
    return TargetChoice("multiclass", Target(column.name, classes=tuple(labels)), reason, doubts)


def _small(labels: dict[str, int]) -> tuple[str, ...]:
    return tuple(
        f"class {shown(label)} has {rows} rows: a training needs {MIN_CLASS_ROWS} of each"
        for label, rows in labels.items()
        if rows < MIN_CLASS_ROWS
    )


def _with_rows(labels: dict[str, int], of: int) -> str:
    return listed([f"{shown(label)} in {share(rows, of)}" for label, rows in labels.items()])


def _fault(column: ColumnProfile, problem: str, allowed: str) -> InvalidTable:
    return InvalidTable("no contract can be drafted", [Fault(column.name, problem, allowed)])
