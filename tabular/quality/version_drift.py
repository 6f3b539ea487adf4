"""Drift from one version of a table to another, by the measures that predictions are watched with."""

from __future__ import annotations

import pandas as pd

from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.data.input_frame import input_frame
from tabular.data.table import CleanTable
from tabular.model.bundle import REFERENCE_TARGET
from tabular.quality.drift import Drift, compare
from tabular.quality.row_counts import TooFewRows

MAX_ROWS = 100_000
"""Of each side: a distance of 0.05, the least that matters, is then known to 0.005 (95 % interval)."""


def version_drift(contract: Contract, before: CleanTable, now: CleanTable) -> Drift | None:
    """What moved among the model's inputs and the target, on a sample of a large table; None if a side has no rows."""
    later = now.sample(MAX_ROWS)
    return drift_since(contract, before, later.features, later.target)


def drift_since(
    contract: Contract, before: CleanTable, features: pd.DataFrame, target: pd.Series[float] | None = None
) -> Drift | None:
    """The same of canonical features, and of a target if one is given; only `before` is sampled here."""
    known, earlier = learnt(contract, before), before.sample(MAX_ROWS)
    reference, current = input_frame(known, earlier.features), input_frame(known, features)
    if target is not None:
        reference[REFERENCE_TARGET], current[REFERENCE_TARGET] = earlier.target, target
    found = compare(reference, current, known, min_rows=1)
    return None if isinstance(found, TooFewRows) else found
