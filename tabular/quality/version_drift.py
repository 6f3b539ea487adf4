"""Drift from one version of a table to another, by the measures that predictions are watched with."""

from __future__ import annotations

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
    known = learnt(contract, before)
    earlier, later = (
        input_frame(known, side.features).assign(**{REFERENCE_TARGET: side.target})
        for side in (before.sample(MAX_ROWS), now.sample(MAX_ROWS))
    )
    found = compare(earlier, later, known, min_rows=1)
    return None if isinstance(found, TooFewRows) else found
