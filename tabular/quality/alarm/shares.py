"""The shares of rows that an alarm watches: those below the deciles of a number, of each category, of missing values.

A share speaks for an alarm once it is certain that it has left its tolerance: as far from the reference's share as what
counts as drift (two_sample.py), and no nearer to it than the reference itself, a sample, may be off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE
from tabular.predictions.window import comparable, compared_inputs, presence
from tabular.quality.two_sample import JENSEN_SHANNON, KS_DISTANCE, MIN_DISTANCE

DECILES = np.arange(1, 10) / 10
REFERENCE_ERROR = 0.01
"""The probability that any share at all of the reference is further off than its tolerance allows for, at most."""

HALVINGS = 40

OF_PREDICTIONS = (REFERENCE_SCORE, REFERENCE_CLASS)
"""The columns that tell what was predicted; the others are the model's inputs."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """One share: of the rows in which `column` is there, those at or below `limit`, or whose value is `category`.

    `feature` is what the column tells about: a number has a second column, which says whether it is there.
    """

    feature: str
    column: str
    limit: float | None = None
    category: str | None = None

    def holds(self, values: pd.Series[Any]) -> NDArray[np.bool_]:
        """Which rows of the column count."""
        found = values <= self.limit if self.limit is not None else values == self.category
        return np.asarray(found, dtype=np.bool_)


class WatchedShares:
    """The shares of one model's inputs and scores: each was `reference`, and may be `lowest` to `highest`, 0 to 1."""

    def __init__(self, reference: pd.DataFrame, contract: Contract) -> None:
        """Choose the shares by the reference, a frame as `Bundle.reference()` has it."""
        self._contract = contract
        before = comparable(reference, contract)
        self.shares: Sequence[Share] = tuple(
            share for feature, column in _columns(before, contract) for share in _of(feature, column, before)
        )
        rows, held = self._counted(before)
        self.reference = held / np.maximum(rows, 1)
        is_number = np.array([share.limit is not None for share in self.shares], dtype=np.bool_)
        self.highest = _highest(rows, held, is_number)
        self.lowest = 1 - _highest(rows, rows - held, is_number)

    @cached_property
    def features(self) -> Sequence[str]:
        """The feature of each share, or one of OF_PREDICTIONS."""
        return tuple(share.feature for share in self.shares)

    def count(self, window: pd.DataFrame) -> tuple[Counts, Counts]:
        """Rows in which the column of each share is there, and those of them that count; one number a share each."""
        return self._counted(comparable(window, self._contract))

    def _counted(self, frame: pd.DataFrame) -> tuple[Counts, Counts]:
        rows = [int(frame[share.column].notna().sum()) for share in self.shares]
        held = [int(share.holds(frame[share.column]).sum()) for share in self.shares]
        return np.array(rows, dtype=np.int64), np.array(held, dtype=np.int64)


def _columns(before: pd.DataFrame, contract: Contract) -> list[tuple[str, str]]:
    """Every column with the feature it tells about."""
    inputs = compared_inputs(contract)
    pairs = [(column.name, column.name) for column in inputs]
    pairs += [(column.name, presence(column.name)) for column in inputs if column.is_numeric]
    return pairs + [(name, name) for name in OF_PREDICTIONS if name in before]


def _of(feature: str, column: str, before: pd.DataFrame) -> list[Share]:
    values = before[column].dropna()
    if values.dtype == np.float64:
        limits = np.unique(np.quantile(values, DECILES, method="inverted_cdf")) if len(values) else np.empty(0)
        return [Share(feature, column, limit=float(limit)) for limit in limits]
    return [Share(feature, column, category=str(name)) for name in sorted(values.unique())]


def _highest(rows: Counts, held: Counts, is_number: NDArray[np.bool_]) -> Floats:
    """The largest share that is within the tolerance, of these counts of a reference; 1 if there is none larger.

    The error of the reference is the upper bound of Clopper and Pearson (Biometrika 26, 1934), all of them together
    with the probability REFERENCE_ERROR.
    """
    from scipy.stats import beta

    share = held / np.maximum(rows, 1)
    bound = beta.ppf(1 - REFERENCE_ERROR / max(2 * len(rows), 1), held + 1, np.maximum(rows - held, 1))
    known = np.where(held < rows, bound, 1.0)
    counts_as_drift = np.where(is_number, share + MIN_DISTANCE[KS_DISTANCE], _at_distance(share))
    return np.asarray(np.minimum(np.maximum(known, counts_as_drift), 1.0), dtype=np.float64)


def _at_distance(shares: Floats) -> Floats:
    """The larger share whose Jensen-Shannon distance, beside that of the other rows, is what counts as drift."""
    low, high = shares, np.ones_like(shares)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_near = _jensen_shannon(shares, middle) < MIN_DISTANCE[JENSEN_SHANNON]
        low, high = np.where(is_near, middle, low), np.where(is_near, high, middle)
    return high


def _jensen_shannon(one: Floats, other: Floats) -> Floats:
    from scipy.spatial.distance import jensenshannon

    return np.asarray(jensenshannon(np.stack([one, 1 - one]), np.stack([other, 1 - other]), axis=0))
