"""What about a new version of a table holds promotion.

It is valid, but so far from the last accepted one that it is likelier a mistake than news.
"""

from __future__ import annotations

import numpy as np

from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import Params, SearchData, objective
from tabular.contract.types import Contract
from tabular.data.table import CleanTable, encode
from tabular.quality.metrics import Floats, headline_value
from tabular.quality.two_sample import of_numbers

MAX_TARGET_DISTANCE = 0.25
"""Of a regression's target: by how much the share of rows below some value may differ."""
MIN_CLASS_RATIO = 2.0
"""A rare class moves far without moving much: when it is twice as frequent, or half."""
CERTAIN_SIGMAS = 4.0
LEAST_UNIT = 8.0
"""The smallest factor that is taken for another unit: 10, 12, 60, 1000 are; prices that double are not."""
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
UNIT_SPREAD = 1.5
MIN_VALUES = 50
MAX_ROWS = 10_000
PARAMS: Params = {"learning_rate": 0.3, "max_depth": 3}


def holds(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[str]:
    """Everything that holds promotion, each with what is likely behind it; empty for an ordinary new version."""
    return [
        *_cut_short(contract, table, accepted),
        *_target_moved(contract, table, accepted),
        *_other_unit(contract, table, accepted),
        *_reversed(contract, table, accepted),
    ]


def _cut_short(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[str]:
    if len(table) >= contract.checks.least_rows_share * len(accepted):
        return []
    return [f"the table has {len(table)} rows, the last accepted one had {len(accepted)}: was the file cut?"]


def _target_moved(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[str]:
    if not contract.target.classes:
        distance = of_numbers(accepted.target, table.target).distance
        if distance <= MAX_TARGET_DISTANCE:
            return []
        medians = f"its median was {accepted.target.median():.5g} and is {table.target.median():.5g}"
        return [f"the target {contract.target.column} moved far since the last accepted version: {medians}"]
    return [
        f"the class {label!r} was {before:.1%} of the rows of the last accepted version and is {now:.1%} of these: "
        "were classes swapped, or rows left out?"
        for label in contract.target.classes
        if _moved_far(
            contract, before := _share(accepted, label), now := _share(table, label), len(accepted), len(table)
        )
    ]


def _share(table: CleanTable, label: str) -> float:
    return float((table.raw_target == label).mean())


def _moved_far(contract: Contract, before: float, now: float, rows_before: int, rows_now: int) -> bool:
    mean = (before * rows_before + now * rows_now) / (rows_before + rows_now)
    error = np.sqrt(mean * (1 - mean) * (1 / rows_before + 1 / rows_now))
    is_large = abs(now - before) > contract.checks.max_class_share_change
    is_multiple = max(before, now) > MIN_CLASS_RATIO * min(before, now)
    return bool((is_large or is_multiple) and abs(now - before) > CERTAIN_SIGMAS * error)


def _other_unit(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[str]:
    found = []
    for feature in contract.features:
        if not feature.is_numeric:
            continue
        ratio = _unit_ratio(*(side.features[feature.name].dropna().to_numpy() for side in (accepted, table)))
        if ratio is not None:
            found.append(
                f"{feature.name} is {ratio:.3g} times what it was in the last accepted version, at every quantile: "
                "is it in another unit?"
            )
    return found


def _unit_ratio(before: Floats, now: Floats) -> float | None:
    """By what the values were multiplied, if by one factor and a large one; zeros have no unit."""
    before, now = (np.abs(side[side != 0].astype(np.float64)) for side in (before, now))
    if min(len(before), len(now)) < MIN_VALUES:
        return None
    ratios = np.quantile(now, QUANTILES) / np.quantile(before, QUANTILES)
    ratio = float(np.median(ratios))
    is_one_factor = bool((np.abs(np.log(ratios / ratio)) < np.log(UNIT_SPREAD)).all())
    return ratio if is_one_factor and abs(np.log(ratio)) > np.log(LEAST_UNIT) else None


def _reversed(contract: Contract, table: CleanTable, accepted: CleanTable) -> list[str]:
    """Whether what was learnt from the accepted version predicts the opposite on this one, beyond chance."""
    known, fresh = (side.sample(MAX_ROWS) for side in (accepted, table))
    data = SearchData(
        encode(contract, known.features),
        known.target.to_numpy(),
        encode(contract, fresh.features),
        fresh.target.to_numpy(),
    )
    scores = Fit(data, objective(contract), 0)(0, PARAMS).scorer.many(data.validation)
    found, error = _direction(contract, data.validation_target, np.asarray(scores, dtype=np.float64))
    if found >= -CERTAIN_SIGMAS * error:
        return []
    return [
        "what a small model learns from the last accepted version predicts the opposite here (correlation of ranks "
        f"{found:.2f}): were labels swapped?"
    ]


def _direction(contract: Contract, target: Floats, scores: Floats) -> tuple[float, float]:
    """How far scores rise with the target, from -1 to 1, and the standard error of that where they do not at all."""
    rows = len(target)
    if contract.table.task == "regression":
        if np.ptp(scores) == 0 or np.ptp(target) == 0:
            return 0.0, 1.0
        return float(np.corrcoef(scores, target)[0, 1]), 1 / np.sqrt(rows)
    counts = np.unique(target, return_counts=True)[1]
    if len(counts) < 2:
        return 0.0, 1.0
    rarest = int(counts.min())
    return 2 * headline_value(contract.table.task, target, scores) - 1, float(np.sqrt(1 / (3 * rarest)))
