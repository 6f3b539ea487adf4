"""The rows of a table as request bodies, endless, at a pace, with a planted shift if asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tabular.contract.canonical import canonical
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.values import Value, listed
from tabular.errors import Fault, Rejected

Record = dict[str, Any]
Move = Callable[[Value], Value]
Shifts = Mapping[str, Move]

_BY = re.compile(r"([+-]\d+(?:\.\d+)?)(%?)")


def parse_shifts(contract: Contract, texts: Sequence[str]) -> Shifts:
    """Read shifts such as `limit=+50%`, `limit=-1000` or `colour=red`; raises Rejected naming every bad one."""
    features = {feature.name: feature for feature in contract.features}
    shifts, faults = {}, []
    for text in texts:
        name, _, change = (part.strip() for part in text.partition("="))
        if name not in features:
            faults.append(Fault(name or "shift", "is not a feature", ", ".join(features), text))
        elif (move := _move(features[name], change)) is None:
            faults.append(Fault(name, f"cannot be shifted by {change!r}", _allowed(features[name]), change))
        else:
            shifts[name] = move
    if faults:
        raise Rejected("a shift cannot be planted", faults)
    return shifts


def replay(records: Sequence[Record], seed: int, shifts: Shifts) -> Iterator[Record]:
    """The records again and again, each round in another order, by seed; missing values stay missing."""
    draw = np.random.default_rng(seed)
    while records:
        for position in draw.permutation(len(records)):
            record = records[position]
            yield record | {name: move(record[name]) for name, move in shifts.items() if record[name] is not None}


@dataclass
class Pace:
    """When rows are due, by absolute time: a slow response does not slow the pace down.

    Whoever falls more than `patience_seconds` behind starts afresh rather than flooding a server that has just come
    back. Times are seconds of one monotonic clock.
    """

    rate_per_second: float
    patience_seconds: float = 2.0
    _next_seconds: float | None = field(default=None, init=False)

    def wait_seconds(self, now_seconds: float) -> float:
        """How long it is until the next row is due; the first is due at once."""
        return 0.0 if self._next_seconds is None else max(0.0, self._next_seconds - now_seconds)

    def take(self, now_seconds: float, at_most: int) -> int:
        """How many rows to send now: those that are due, and at least one; they count as sent."""
        due = now_seconds if self._next_seconds is None else self._next_seconds
        if now_seconds - due > self.patience_seconds:
            due = now_seconds
        rows = min(max(1, 1 + int((now_seconds - due) * self.rate_per_second)), at_most)
        self._next_seconds = due + rows / self.rate_per_second
        return rows


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
