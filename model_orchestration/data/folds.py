"""The folds of a cross-validation: each held out once, what remains divided into train and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from model_orchestration.data.group_split import grouped_parts
from model_orchestration.data.split import Split, classes_of, two_parts
from tabular.contract.split_rules import SplitRules
from tabular.data.table import CleanTable

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One fold: its rows, and the table split so that they are the test part, both by position."""

    held_out: Rows
    train: Rows
    validation: Rows

    def parts(self, table: CleanTable) -> Split:
        """A table with the same rows, split by the fold."""
        return Split(table.take(self.train), table.take(self.validation), table.take(self.held_out))


def folds(table: CleanTable, rules: SplitRules, seed: int) -> Iterator[Fold]:
    """The folds of `rules.repeats` cross-validations, drawn by seed; groups stay together, classes keep their shares.

    What is not held out is divided into train and validation as the shares of the rules say. Times do not count: the
    folds of rows that are ordered in time would be trained on the future.
    """
    for repeat in range(rules.repeats):
        for number, held_out in enumerate(_held_out(table, rules.folds, seed + repeat)):
            rest = np.setdiff1d(np.arange(len(table)), held_out)
            train, validation = _in_two(table, rest, rules, seed + repeat + number)
            yield Fold(held_out, train, validation)


def _held_out(table: CleanTable, count: int, seed: int) -> Iterator[Rows]:
    classes = classes_of(table)
    if table.groups is not None:
        part = grouped_parts(table.groups.to_numpy(), classes, [1 / count] * count, seed)
        yield from (np.flatnonzero(part == each) for each in range(count))
        return
    kind = StratifiedKFold if table.has_classes else KFold
    yield from (rows for _, rows in kind(count, shuffle=True, random_state=seed).split(classes, classes))


def _in_two(table: CleanTable, rest: Rows, rules: SplitRules, seed: int) -> tuple[Rows, Rows]:
    """Train and validation among the rows that are not held out."""
    train_share, validation_share, _ = rules.shares
    remaining = table.take(rest)
    share = validation_share / (train_share + validation_share)
    if remaining.groups is not None:
        part = grouped_parts(remaining.groups.to_numpy(), classes_of(remaining), [1 - share, share], seed)
        return rest[part == 0], rest[part == 1]
    return two_parts(table, rest, share, seed)
