"""A table as data: what each column holds, how it goes with the target and the others, and what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from reporting.charts import Bin, Histogram
from reporting.table_profile.columns import bins_of, counts_of, figures_of, missing_texts, plot_of
from reporting.table_profile.target import BinOfTarget, ProfiledTarget, by_bin
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.column_values import feature_values
from tabular.data.table import CleanTable, sampled_positions
from tabular.errors import InvalidTable
from tabular.quality.association import Binned, association
from tabular.quality.drift import ColumnDrift
from tabular.quality.version_drift import drift_since

SAMPLED_ROWS = 100_000
MAX_RELATED = 30
"""So many columns are set against one another: the page is read by people."""
MAX_PAIRS = 15


class ProfiledColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One column: counts of all rows, figures and shapes of a sample.

    `relation` is the association with the target, 0 to 1, None without one; `by_target` what the target is in each bin.
    """

    name: str
    column: str
    kind: str
    missing: int
    distinct: int
    invalid: int
    figures: dict[str, float | str]
    plot: Histogram | list[Bin]
    relation: float | None = None
    by_target: tuple[BinOfTarget, ...] = ()
    drift: ColumnDrift | None = None


class Pair(msgspec.Struct, frozen=True):
    """Two columns, their association, and Spearman's rank correlation where both are numbers."""

    first: str
    second: str
    association: float
    rank_correlation: float | None


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page shows; `columns` are ranked by their relation to the target, if there is one.

    `sampled` of the `rows` give all but counts. `matrix` has the associations of `related`, row by row. `earlier` says
    which version the distributions are compared with, or why with none.
    """

    name: str
    source: str
    read_as: str
    rows: int
    sampled: int
    columns: tuple[ProfiledColumn, ...]
    left_out: dict[str, str]
    target: str | None
    target_measure: str
    related: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    pairs: tuple[Pair, ...]
    earlier: str
    is_compared: bool


class Given(msgspec.Struct, frozen=True):
    """What is told of the table besides its cells; `target_feature` describes a target that is no feature."""

    contract: Contract
    left_out: Mapping[str, str]
    source: str
    read_as: str
    target: str | None = None
    target_feature: Feature | None = None
    earlier: str = ""

    @property
    def shown(self) -> tuple[Feature, ...]:
        """The columns that are shown: the features, and the target where it is none of them."""
        return (*self.contract.features, *([self.target_feature] if self.target_feature else []))


def sampled(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows drawn by a fixed seed where they are many, in their order; else all."""
    return cells if len(cells) <= SAMPLED_ROWS else cells.iloc[sampled_positions(len(cells), SAMPLED_ROWS)]


def profile_table(
    cells: pd.DataFrame, given: Given, target: ProfiledTarget | None, before: CleanTable | None
) -> TableProfile:
    """Profile a table of text cells; `target` is of the sampled rows. Raises InvalidTable for one without rows."""
    if cells.empty:
        raise InvalidTable("the table has no rows")
    some = sampled(cells)
    read = {one.name: feature_values(one, some[one.column], given.contract) for one in given.shown}
    values = pd.DataFrame({name: one.values for name, one in read.items()})
    bins = {one.name: bins_of(one, values[one.name]) for one in given.shown}
    past = None if before is None else before.sample(SAMPLED_ROWS)
    found = None if before is None else drift_since(given.contract, before, values)
    drift = {} if found is None else {one.name: one for one in found.columns}
    columns = []
    for feature in given.shown:
        one = read[feature.name]
        counts = counts_of(cells[feature.column], missing_texts(some[feature.column], one.values, one.is_invalid))
        is_target = target is not None and feature.column == target.column
        columns.append(
            ProfiledColumn(
                name=feature.name,
                column=feature.column,
                kind=feature.kind,
                missing=counts.missing,
                distinct=counts.distinct,
                invalid=int(one.is_invalid.sum()),
                figures=figures_of(feature, one.values),
                plot=plot_of(feature, one.values, _earlier(past, feature.name)),
                relation=None if target is None or is_target else association(bins[feature.name], target.bins),
                by_target=() if target is None or is_target else by_bin(bins[feature.name], target),
                drift=drift.get(feature.name),
            )
        )
    columns.sort(key=lambda one: -(one.relation or 0.0))
    related = tuple(one.name for one in columns[:MAX_RELATED])
    matrix = _matrix([bins[name] for name in related])
    return TableProfile(
        name=given.contract.table.title,
        source=given.source,
        read_as=given.read_as,
        rows=len(cells),
        sampled=len(some),
        columns=tuple(columns),
        left_out=dict(given.left_out),
        target=given.target,
        target_measure="" if target is None else target.measure,
        related=related,
        matrix=tuple(tuple(map(float, row)) for row in matrix),
        pairs=tuple(_pairs(related, matrix, given.shown, values)),
        earlier=given.earlier,
        is_compared=past is not None,
    )


def _earlier(past: CleanTable | None, name: str) -> pd.Series[Any] | None:
    return None if past is None or name not in past.features else past.features[name]


def _matrix(bins: Sequence[Binned]) -> Any:
    found = np.eye(len(bins))
    for at, first in enumerate(bins):
        for other in range(at):
            found[at, other] = found[other, at] = association(first, bins[other])
    return found


def _pairs(names: Sequence[str], matrix: Any, features: Sequence[Feature], values: pd.DataFrame) -> list[Pair]:
    """The pairs that go together most closely."""
    numbers = {one.name for one in features if one.is_numeric}
    places = [(float(matrix[at, other]), other, at) for at in range(len(names)) for other in range(at)]
    found = []
    for strength, first, second in sorted(places, key=lambda place: -place[0])[:MAX_PAIRS]:
        one, other = names[first], names[second]
        rank = values[one].corr(values[other], method="spearman") if {one, other} <= numbers else None
        found.append(Pair(one, other, strength, None if rank is None or pd.isna(rank) else float(rank)))
    return found
