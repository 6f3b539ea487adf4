"""Features that only number the rows, and tell the target: rows, or their numbers, are in the order of the outcome.

New rows get new numbers, so that nothing of it holds for them; held-out rows have numbers from among the others, so
that no figure shows it.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split, joined
from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Rejection
from model_orchestration.evaluation.leaks.held_out import MAX_ROWS, HeldOut
from model_orchestration.evaluation.leaks.interval import Figure, Z
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.data.input_frame import feature_codes
from tabular.data.table import CleanTable
from tabular.quality.metrics import Floats

MIN_COINCIDENCES = 5.0
"""Pairs of rows that would have one value by chance, if whole numbers were drawn evenly from all between the ends."""
MANY_VALUES = 300
"""A few hundred values are places or products, which the next rows have too."""
MIN_RANK_CORRELATION = 0.9
MIN_STRENGTH, MIN_SIGMAS = 0.1, 3.0
"""What an identifier must tell to be found: ROC-AUC 0.55 or R² 0.1, and so much beyond chance."""
TARGET_GROUPS = 10
METRIC_NAMES = {"binary": "ROC-AUC", "multiclass": "ROC-AUC", "regression": "R²"}

Rows = NDArray[np.int64]


class Identifier(msgspec.Struct, frozen=True):
    """A feature that numbers the rows, how that shows, and what it tells of the target by itself on held-out rows."""

    feature: str
    how: str
    figure: Figure


def telling_identifiers(contract: Contract, parts: Split, seed: int = 0) -> list[Identifier]:
    """The features that number the rows and tell the target, measured on the training and validation rows.

    None for a feature that rises with the times of the split: the test rows are then beyond its values already.
    """
    known = joined(replace(parts, test=parts.test.take(np.array([], dtype=np.int64))))
    target, file_rows = known.target.to_numpy(), known.features.index.to_numpy()
    sample = np.sort(np.random.default_rng(seed).permutation(len(known))[:MAX_ROWS])
    groups = _target_groups(contract, target[sample])
    data = HeldOut(contract, np.empty((len(sample), 0), dtype=np.float32), target[sample], seed)
    found = []
    for feature in contract.features:
        column = _whole_values(feature, known)
        if column is None or (known.times is not None and _is_timed(column[sample], known.times.to_numpy()[sample])):
            continue
        how = _numbers_rows(column) or _follows_file(column, sample, file_rows, groups)
        if how is None:
            continue
        figure = data.headline_figure(data.column_scores(column[sample]))
        if _tells(contract, figure):
            found.append(Identifier(feature.name, how, figure))
    return found


def no_telling_identifier(evidence: Evidence) -> Rejection | None:
    """No feature that only numbers the rows tells the target, unless the contract vouches for it."""
    contract = evidence.contract
    vouched = contract.table.known_before_outcome
    found = [one for one in telling_identifiers(contract, evidence.split) if one.feature not in vouched]
    if not found:
        return None
    names = ", ".join(f'"{name}"' for name in (*vouched, *(one.feature for one in found)))
    return Rejection(
        "no_telling_identifier",
        "; ".join(described(contract, one) for one in found),
        "Rows to come have other numbers: take it out of the features and add its column to dropped_columns. If it "
        "numbers the rows in the order of time, name the time in the contract, [split] time_column, so that the model "
        "is tested on later rows. If it is no number of a row, and is known before the outcome is, say so: [table] "
        f"known_before_outcome = [{names}]",
    )


def described(contract: Contract, one: Identifier) -> str:
    """What was found of a feature, in a sentence."""
    value, low, high = figures(one.figure.value, one.figure.low, one.figure.high)
    return (
        f"{one.feature} {one.how}, and it alone reaches {METRIC_NAMES[contract.table.task]} {value} (95 % interval "
        f"{low} to {high}) on held-out rows: the rows, or their numbers, are in the order of the outcome"
    )


def _numbers_rows(column: Floats) -> str | None:
    """How it shows that the numbers were given out one by one: no value stands twice though some would by chance."""
    if len(np.unique(column)) < len(column):
        return None
    chance = len(column) * (len(column) - 1) / 2 / (np.ptp(column) + 1)
    if chance < MIN_COINCIDENCES:
        return None
    return f"numbers the rows (no value stands twice, where about {chance:,.0f} pairs of rows would agree by chance)"


def _follows_file(column: Floats, sample: Rows, file_rows: Rows, groups: Rows) -> str | None:
    """How it shows that many whole values rise, or fall, from row to row of the file, among rows of one target too."""
    if len(np.unique(column)) <= MANY_VALUES:
        return None
    order = _within(groups, column[sample], file_rows[sample])
    if order < MIN_RANK_CORRELATION:
        return None
    return f"follows the order of the rows in the file (correlation of ranks {order:.2f} among rows of one outcome)"


def _whole_values(feature: Feature, table: CleanTable) -> Floats | None:
    """The numbers of a feature, or its codes, if the model sees them, all are whole and none is missing."""
    if feature.is_datetime or not feature.model_input:
        return None
    codes = feature_codes(feature, table.features[feature.name])
    return codes if np.isfinite(codes).all() and (codes == np.floor(codes)).all() else None


def _is_timed(column: Floats, times: Floats) -> bool:
    return abs(_rank_correlation(column, times)) >= MIN_RANK_CORRELATION


def _target_groups(contract: Contract, target: Floats) -> Rows:
    """The class of each row; of a regression its tenth of the target."""
    if contract.target.classes:
        return target.astype(np.int64)
    return _ranks(target).astype(np.int64) * TARGET_GROUPS // len(target)


def _within(groups: Rows, first: Floats, second: Rows) -> float:
    """The mean size of the correlation of ranks within each group, weighted by the rows."""
    sizes, found = [], []
    for group in np.unique(groups):
        rows = groups == group
        if rows.sum() > TARGET_GROUPS:
            sizes.append(int(rows.sum()))
            found.append(abs(_rank_correlation(first[rows], second[rows])))
    return float(np.average(found, weights=sizes)) if found else 0.0


def _rank_correlation(first: Floats, second: Floats | Rows) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Floats | Rows) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values) - 0.5)


def _tells(contract: Contract, figure: Figure) -> bool:
    chance = 0.0 if contract.table.task == "regression" else 0.5
    least = MIN_STRENGTH if contract.table.task == "regression" else (MIN_STRENGTH + 1) / 2
    error = (figure.value - figure.low) / Z
    return figure.value >= least and figure.value - MIN_SIGMAS * error > chance
