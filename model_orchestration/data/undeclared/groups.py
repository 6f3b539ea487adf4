"""Columns that name what several rows belong to, such as a customer, where the contract names no group column."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.data.rows.split_hints import MAX_PAIRS, MaybeGroup
from tabular.data.table import CleanTable, encode

MIN_LIKENESS = 0.5
"""By so much rows of one value differ less than rows drawn at random, in the mean over all inputs."""
SEED = 0


def group_holds(contract: Contract, table: CleanTable, groups: tuple[MaybeGroup, ...]) -> list[str]:
    """What holds promotion: a column whose rows of one value are alike, which lie in all parts of a split by seed."""
    found = []
    for group in groups:
        likeness = _likeness(contract, table, group)
        if likeness >= MIN_LIKENESS:
            found.append(
                f"{group.column} names what several rows belong to: those of one {group.column} differ {likeness:.0%} "
                "less than rows drawn at random, and lie in the training part and in the test part. Name the column in "
                "split.group_column, so that the rows of one are in one part, or in split.not_group_columns if later "
                "rows belong to the same ones"
            )
    return found


def _likeness(contract: Contract, table: CleanTable, group: MaybeGroup) -> float:
    """One minus the mean difference of the pairs, as a share of that of rows drawn at random, over all inputs."""
    pairs = table.features.index.get_indexer(pd.Index(np.array(group.pairs, dtype=np.int64).ravel()))
    strangers = np.random.default_rng(SEED).permutation(len(table))[: 2 * (min(len(table), MAX_PAIRS) // 2)]
    inputs = encode(contract, table.features.iloc[np.concatenate([pairs, strangers])])
    own = {feature.name for feature in contract.features if feature.column == group.column}
    found = []
    for at, column in enumerate(contract.inputs):
        if column.name in own:
            continue
        apart = _differences(inputs[:, at], is_number=column.is_numeric)
        alike, by_chance = apart[: len(group.pairs)].mean(), apart[len(group.pairs) :].mean()
        if by_chance > 0:
            found.append(1 - alike / by_chance)
    return float(np.mean(found)) if found else 0.0


def _differences(values: NDArray[np.float32], *, is_number: bool) -> NDArray[np.float64]:
    """How far every second value is from the one before: of numbers by their ranks, 0 to 1; a missing one is lowest."""
    column = pd.Series(values)
    places = (column.rank(pct=True) if is_number else column).fillna(-1).to_numpy(dtype=np.float64)
    first, second = places[::2], places[1::2]
    return np.abs(first - second) if is_number else (first != second).astype(np.float64)
