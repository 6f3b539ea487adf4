"""What of a file may say how its rows depend on one another, where the contract's `[split]` does not: times and groups.

Of large files it is a sample, small enough to be kept with the facts of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.types import Contract
from tabular.data.rows.arrow_cells import arrow_cells
from tabular.data.split_columns import times_of
from tabular.drafting.identity import is_named_as_id

MAX_ROWS, RARE_ROWS = 10_000, 200
MAX_TIMES = 3
SAME_ORDER = 0.98
"""Correlation of ranks: such as the beginning and the end of one ride."""
MIN_GROUPS, MAX_ROWS_A_GROUP = 50, 50.0
MIN_SHARED = 0.1
"""So large a share of the rows has its value in common with another row."""
MAX_PAIRS = 2_000
SEED = 0

Rows = NDArray[np.int64]


class MaybeTime(msgspec.Struct, frozen=True):
    """A column that may say when rows came: some rows of the file, from 0, with a number each that rises with time."""

    column: str
    rows: tuple[int, ...]
    times: tuple[float, ...]


class MaybeGroup(msgspec.Struct, frozen=True):
    """A column that may name what several rows belong to: pairs of rows of the file, from 0, of one value each."""

    column: str
    pairs: tuple[tuple[int, int], ...]


def maybe_times(
    contract: Contract, cells: pd.DataFrame, columns: Sequence[str], kept: pd.Index
) -> tuple[MaybeTime, ...]:
    """The first of these columns, without those that order the rows as an earlier one does.

    `kept` are the rows that are trained on; of a rare class all of them are looked at.
    """
    found: list[MaybeTime] = []
    ranks: list[pd.Series[float]] = []
    has_classes = bool(contract.target.classes) and contract.target.column in cells
    rows = _sampled(kept, cells[contract.target.column] if has_classes else None) if columns else kept[:0]
    for name in columns:
        if len(found) == MAX_TIMES:
            break
        times = times_of(cells[name].loc[rows]).dropna()
        rank = times.rank()
        if not any(abs(rank.corr(other)) > SAME_ORDER for other in ranks):
            ranks.append(rank)
            found.append(MaybeTime(name, tuple(times.index.tolist()), tuple(times.tolist())))
    return tuple(found)


def maybe_groups(contract: Contract, cells: pd.DataFrame, kept: pd.Index) -> tuple[MaybeGroup, ...]:
    """The columns whose values stand in several rows, and that are no features unless they are named as identifiers."""
    if contract.split.group_column is not None or contract.split.time_column is not None:
        return ()
    return tuple(
        MaybeGroup(name, tuple((int(kept[one]), int(kept[other])) for one, other in pairs))
        for name, pairs in _grouped(contract, cells, kept)
    )


def _sampled(kept: pd.Index, labels: pd.Series[str] | None) -> pd.Index:
    """Some of the rows, the first of each label before others; `labels` are those of the whole file."""
    order = np.random.default_rng(SEED).permutation(len(kept))
    if labels is not None and len(order) > MAX_ROWS:
        drawn = labels.loc[kept[order]]
        is_first = (drawn.groupby(drawn).cumcount() < RARE_ROWS).to_numpy()
        order = np.concatenate([order[is_first], order[~is_first]])
    return kept[np.sort(order[:MAX_ROWS])]


def _grouped(contract: Contract, cells: pd.DataFrame, kept: pd.Index) -> Iterator[tuple[str, Rows]]:
    features = {feature.column for feature in contract.features}
    for name in cells.columns:
        is_feature = name in features and not is_named_as_id(name)
        if is_feature or name in contract.target.columns or name in contract.split.not_group_columns:
            continue
        codes = _codes(contract, cells[name] if len(kept) == len(cells) else cells[name].loc[kept])
        if codes is not None:
            yield name, _one_pair_a_value(codes)


def _codes(contract: Contract, values: pd.Series[str]) -> Rows | None:
    """A number for each value, -1 for a missing one; None if the values cannot be names of groups."""
    numbers = pd.to_numeric(values.head(100), errors="coerce")
    if bool((numbers.notna() & (numbers != np.floor(numbers))).any()):
        return None
    encoded = arrow_cells(values).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=1)
    if counts[counts > 1].sum() < MIN_SHARED * len(values):
        return None
    names = encoded.dictionary.to_pylist()
    absent = [code for code in np.flatnonzero(counts > 1).tolist() if contract.is_missing(names[code])]
    codes[np.isin(codes, absent)] = -1
    counts[absent] = 0
    is_shared = counts[counts > 1].sum() >= MIN_SHARED * len(values)
    enough = (counts > 1).sum() >= MIN_GROUPS and counts.sum() <= MAX_ROWS_A_GROUP * (counts > 0).sum()
    return codes if is_shared and enough else None


def _one_pair_a_value(codes: Rows) -> Rows:
    """Two rows of each of some values that have as many, drawn by chance: positions, n x 2."""
    order = np.random.default_rng(SEED).permutation(np.flatnonzero(codes >= 0))
    drawn = pd.Series(codes[order])
    place = drawn.groupby(drawn).cumcount().to_numpy()
    first, second = (pd.Series(order[place == at], index=codes[order[place == at]]) for at in (0, 1))
    both = pd.concat([first.loc[second.index], second], axis=1).to_numpy()
    return np.asarray(both[:MAX_PAIRS], dtype=np.int64)
