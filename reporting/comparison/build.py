"""Compares each data set of a report with its other side, and sets them side by side, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from reporting.charts import Bin, Histogram
from reporting.comparison.comparison import ColumnRow, Compared, Comparison, LabelledSet, Plot
from reporting.comparison.pairing import Pair
from reporting.comparison.rows import Rows
from reporting.shapes import (
    category_bins,
    change_of_categories,
    change_of_numbers,
    common_categories,
    number_histogram,
    shared_edges,
)
from tabular.contract.derived import ModelInput
from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.window import compared_inputs
from tabular.quality.drift import ColumnDrift, compare
from tabular.quality.labelled.measured import measured_quality
from tabular.quality.labelled.rows import labelled_rows
from tabular.quality.row_counts import TooFewRows
from tabular.quality.slices import slice_metric


def build_comparison(
    title: str, contract: Contract, pairs: Sequence[Pair], made_at: datetime, min_rows: int
) -> Comparison | TooFewRows:
    """Compare each pair by the measures that predictions are watched with; TooFewRows if none has enough rows.

    Predictions need `min_rows`, rows of a table one.
    """
    sets = [_compared(pair, contract, min_rows) for pair in pairs]
    if (few := next((one.drift for one in sets), None)) and all(one.known is None for one in sets):
        return few if isinstance(few, TooFewRows) else TooFewRows(0, min_rows)
    columns = [_feature_row(at, feature, sets) for at, feature in enumerate(compared_inputs(contract))]
    columns.sort(key=lambda row: row.severity, reverse=True)
    sides = {rows.name: rows for one in sets for rows in (one.pair.reference, one.pair.current)}
    measured = [_measured(rows, rows.bundle.contract) for rows in sides.values() if rows.bundle is not None]
    metric = slice_metric(contract.table.task)
    return Comparison(title, made_at, contract, sets, columns, list(_beside(sets, contract)), measured, metric)


def _compared(pair: Pair, contract: Contract, min_rows: int) -> Compared:
    least = min_rows if pair.current.sample is not None else 1
    found = compare(pair.reference.frame, pair.current.frame, contract, least)
    return Compared(pair, found)


def _measured(rows: Rows, contract: Contract) -> LabelledSet:
    labelled = labelled_rows(rows.predictions, contract)
    measures = measured_quality(labelled, contract).measures
    return LabelledSet(rows.name, len(labelled), measures.get(slice_metric(contract.table.task)))


def _feature_row(at: int, feature: ModelInput, sets: Sequence[Compared]) -> ColumnRow:
    found = [one.known.columns[at] if one.known is not None else None for one in sets]
    sides = [(one.pair.reference.frame[feature.name], one.pair.current.frame[feature.name]) for one in sets]
    if feature.is_numeric:
        plots: Sequence[Plot] = _histograms(sides, whole=feature.kind == "integer")
        changes = [change_of_numbers(*side) for side in sides]
    else:
        common = common_categories(feature, [column for side in sides for column in side])
        bins = [category_bins(feature, *side, common) for side in sides]
        plots, changes = bins, [change_of_categories(one) for one in bins]
    return ColumnRow(feature.name, feature.description, found, changes, plots)


def _beside(sets: Sequence[Compared], contract: Contract) -> Iterator[ColumnRow]:
    """The scores and the target, where two sides have them."""
    scores = [one.known.prediction if one.known is not None else None for one in sets]
    if any(one is not None for one in scores):
        yield _number_row("scores", "what the model gave", REFERENCE_SCORE, scores, sets)
    targets = [one.known.target if one.known is not None else None for one in sets]
    if any(one is not None for one in targets):
        yield _target_row(contract, targets, sets)


def _number_row(
    name: str, description: str, column: str, found: Sequence[ColumnDrift | None], sets: Sequence[Compared]
) -> ColumnRow:
    frames = [(one.pair.reference.frame, one.pair.current.frame) for one in sets]
    sides = [
        tuple(frame[column] for frame in pair) if at is not None else None
        for at, pair in zip(found, frames, strict=True)
    ]
    there = [side for side in sides if side is not None]
    plots = iter(_histograms(there, whole=False))
    return ColumnRow(
        name,
        description,
        found,
        ["" if side is None else change_of_numbers(*side) for side in sides],
        [None if side is None else next(plots) for side in sides],
    )


def _target_row(contract: Contract, found: Sequence[ColumnDrift | None], sets: Sequence[Compared]) -> ColumnRow:
    description = f"the column {' and '.join(contract.target.columns)}"
    if not contract.target.classes:
        return _number_row("target", description, REFERENCE_TARGET, found, sets)
    bins = [_class_bins(contract, one) if at is not None else None for at, one in zip(found, sets, strict=True)]
    changes = ["" if one is None else change_of_categories(one) for one in bins]
    return ColumnRow("target", description, found, changes, bins)


def _class_bins(contract: Contract, one: Compared) -> list[Bin]:
    shares = [
        side.frame[REFERENCE_TARGET].value_counts(normalize=True) for side in (one.pair.reference, one.pair.current)
    ]
    return [
        Bin(name, *(float(side.get(code, 0.0)) for side in shares))
        for name, code in zip(contract.target.classes, _codes(contract), strict=True)
    ]


def _codes(contract: Contract) -> list[float]:
    """The code of each class in a target column: 1 for the positive one of two, else the position."""
    names = contract.target.classes
    if contract.table.task == "binary":
        return [float(name == contract.target.positive) for name in names]
    return [float(at) for at in range(len(names))]


def _histograms(sides: Sequence[tuple[pd.Series[Any], ...]], *, whole: bool) -> list[Histogram]:
    edges = shared_edges([column for side in sides for column in side], whole=whole)
    return [number_histogram(side[0], side[1], whole=whole, edges=edges) for side in sides]
