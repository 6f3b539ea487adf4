"""The scores of every row of a small table by models that were not fitted on it: cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.folds import Fold, folds
from model_orchestration.data.split import Split
from model_orchestration.search.sweep import threads
from tabular.contract.split_rules import SplitRules
from tabular.data.table import CleanTable
from tabular.quality.metrics import Floats

MODEL = "the model"
"""What the scores of the model itself are called beside those of baselines."""

ScoresOfFold = Callable[[Fold], Mapping[str, Floats]]
"""Fits on a fold's train and validation rows, and gives scores of the rows held out, by the name of what was fitted."""


@dataclass(frozen=True)
class HeldOut:
    """Rows and their scores, by name, of what was not fitted on them; a row is there once a cross-validation.

    `units` says which of them are dependent: the same row again, or the same group. `folds` is how many were held out
    in each cross-validation, 0 for the test part of a split.
    """

    rows: CleanTable
    scores: Mapping[str, Floats]
    units: NDArray[Any] | None
    folds: int = 0

    @property
    def target(self) -> Floats:
        """The target of each row."""
        return self.rows.target.to_numpy()

    def once(self) -> HeldOut:
        """The first cross-validation alone, in which each row is there once, with the groups of the table as units."""
        rows = np.sort(np.unique(self.rows.features.index.to_numpy(), return_index=True)[1])
        once = self.rows.take(rows)
        scores = {name: found[rows] for name, found in self.scores.items()}
        return HeldOut(once, scores, once.group_names, self.folds)


def is_small(rules: SplitRules, parts: Split) -> bool:
    """True if a table is too small to be measured on its test part; False with times, for folds ignore them."""
    rows = len(parts.train) + len(parts.validation) + len(parts.test)
    if rules.time_column is not None:
        return False
    if rows < rules.cross_validate_below_rows:
        return True
    counts = parts.test.raw_target.value_counts() if parts.test.has_classes else None
    return counts is not None and bool(counts.min() < rules.cross_validate_below_class_rows)


def cross_validated(
    table: CleanTable, rules: SplitRules, seed: int, scorers: Sequence[ScoresOfFold], workers: int = 1
) -> HeldOut:
    """Every row scored by what was fitted without it, once a repeat; the folds are fitted side by side."""
    drawn = list(folds(table, rules, seed))
    with threads(workers) as executor:
        found = list(executor.map(lambda fold: {k: v for scorer in scorers for k, v in scorer(fold).items()}, drawn))
    positions = np.concatenate([fold.held_out for fold in drawn])
    rows = table.take(positions)
    scores = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    return HeldOut(rows, scores, positions if rows.groups is None else rows.group_names, rules.folds)
