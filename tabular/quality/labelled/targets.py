"""Labels and scores as the numbers that `metrics` and the losses take; without pandas, for services that stay small."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.encoding.values import class_reader

if TYPE_CHECKING:
    from tabular.quality.metrics import Floats


class Scored(Protocol):
    """A prediction, or a score in the shadow."""

    @property
    def score(self) -> float:
        """The probability of the positive class, the value, or the probability of the most likely class."""

    @property
    def probabilities(self) -> dict[str, float] | None:
        """Of a multiclass model the probability of every class."""


def targets(labels: Sequence[Any], contract: Contract) -> Floats:
    """Each label as the target's number, NaN where it is none; what comes again and again is read once."""
    known = {label: _target(label, contract) for label in set(labels) if isinstance(label, Hashable)}
    return np.array([known[label] for label in labels], dtype=np.float64)


def _target(label: Any, contract: Contract) -> float:
    """1 for the positive class and 0 for the other, the position of a class, or the value."""
    target = contract.target
    if not target.classes:
        is_number = isinstance(label, int | float) and not isinstance(label, bool)
        return float(label) if is_number else np.nan
    if (known := class_reader(target)(label)) is None:
        return np.nan
    return float(known == target.positive) if target.positive is not None else float(target.classes.index(known))


def scores_of(scored: Sequence[Scored], contract: Contract) -> Floats:
    """N scores, or n x classes probabilities; a class that is not there counts as 0."""
    if contract.table.task != "multiclass":
        return np.array([one.score for one in scored], dtype=np.float64)
    rows = [[(one.probabilities or {}).get(name, 0.0) for name in contract.target.classes] for one in scored]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(contract.target.classes))


def are_numbers(scores: Floats) -> NDArray[np.bool_]:
    """For each row whether its score, or every one of its probabilities, is a finite number."""
    found = np.isfinite(scores)
    return found if found.ndim == 1 else np.asarray(found.all(axis=1))
