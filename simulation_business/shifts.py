"""Planted shifts: other inputs, or other outcomes for the same inputs (concept drift)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec

from simulation_business.rows import Row
from tabular.contract.canonical import canonical
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.values import Value, listed
from tabular.errors import Fault, Rejected

Move = Callable[[Value], Value]
MoveOutcome = Callable[[int, str | float], str | float]

OUTCOME = "outcome"
_BY = re.compile(r"([+-]\d+(?:\.\d+)?)(%?)")
_FLIP = re.compile(r"flip:(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Shifts:
    """What is changed of each row: values of its features, its outcome; missing values stay missing."""

    features: Mapping[str, Move] = field(default_factory=dict)
    outcome: MoveOutcome | None = None

    def of(self, row: Row) -> Row:
        """The row as it is sent, and with the outcome that is told of it."""
        moved = {name: move(row.record[name]) for name, move in self.features.items() if row.record[name] is not None}
        outcome = row.outcome if self.outcome is None else self.outcome(row.number, row.outcome)
        return msgspec.structs.replace(row, record=row.record | moved, outcome=outcome)


def parse_shifts(contract: Contract, texts: Sequence[str]) -> Shifts:
    """Read shifts such as `limit=+50%`, `limit=-1000`, `colour=red` or `outcome=flip:30%`.

    Raises Rejected naming every bad one. A feature that is called `outcome` hides the outcome.
    """
    features = {feature.name: feature for feature in contract.features}
    moves: dict[str, Move] = {}
    faults, move_outcome = [], None
    for text in texts:
        name, _, change = (part.strip() for part in text.partition("="))
        if name == OUTCOME and name not in features:
            move_outcome = _outcome_move(contract, change)
            if move_outcome is None:
                faults.append(Fault(name, f"cannot be shifted by {change!r}", _outcome_allowed(contract), change))
        elif name not in features:
            faults.append(Fault(name or "shift", "is not a feature", ", ".join([*features, OUTCOME]), text))
        elif (move := _move(features[name], change)) is None:
            faults.append(Fault(name, f"cannot be shifted by {change!r}", _allowed(features[name]), change))
        else:
            moves[name] = move
    if faults:
        raise Rejected("a shift cannot be planted", faults)
    return Shifts(moves, move_outcome)


def _outcome_move(contract: Contract, change: str) -> MoveOutcome | None:
    """What the change does to an outcome; None for a change that the contract's outcomes cannot have."""
    classes = contract.target.classes
    if not classes:
        return _number_move(change)
    found = _FLIP.fullmatch(change)
    if found is None or not 0 < float(found[1]) <= 100:
        return None
    share = float(found[1]) / 100

    def flip(number: int, outcome: str | float) -> str | float:
        # By the row alone: of one customer the same is told each time.
        draw = Random(number)  # noqa: S311 - a draw, not a secret
        others = [label for label in classes if label != outcome]
        return draw.choice(others) if draw.random() < share else outcome

    return flip


def _number_move(change: str) -> MoveOutcome | None:
    found = _BY.fullmatch(change)
    if found is None:
        return None
    by, is_percent = float(found[1]), bool(found[2])
    return lambda _, outcome: float(outcome) * (1 + by / 100) if is_percent else float(outcome) + by


def _outcome_allowed(contract: Contract) -> str:
    if contract.target.classes:
        return f"{OUTCOME}=flip:30%, which gives 30 % of the rows another class"
    return f"{OUTCOME}=+50%, {OUTCOME}=-20%, {OUTCOME}=+1000 or {OUTCOME}=-1000"


def _move(feature: Feature, change: str) -> Move | None:
    """What the change does to a value; None if the feature cannot change so."""
    if feature.is_datetime:
        return None
    if feature.range is None:
        labels = {canonical(category): category for category in feature.categories}
        if feature.is_unlearnt and change:
            return lambda _: change
        label = labels.get(canonical(change))
        return None if label is None else lambda _: label
    found = _BY.fullmatch(change)
    if found is None:
        return None
    by, is_percent = float(found[1]), bool(found[2])
    (low, high), is_integer = feature.ends, feature.kind == "integer"

    def move(value: Value) -> Value:
        number = float(value or 0)
        moved = min(max(number * (1 + by / 100) if is_percent else number + by, low), high)
        return round(moved) if is_integer else moved

    return move


def _allowed(feature: Feature) -> str:
    if feature.is_datetime:
        return "another feature: a datetime cannot be shifted"
    if feature.range is None:
        if feature.is_unlearnt:
            return f"{feature.name}= a category"
        return f"{feature.name}= one of {listed(feature.categories)}"
    return f"{feature.name}=+50%, {feature.name}=-20%, {feature.name}=+1000 or {feature.name}=-1000"
