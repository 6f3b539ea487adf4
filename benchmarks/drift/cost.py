"""What one comparison takes, by the rows in the window, beside Evidently's preset."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd

from benchmarks.drift.alarms import REFERENCE_ROWS, Judge
from benchmarks.drift.judges import ours, preset
from benchmarks.figures import Row
from benchmarks.results import Table
from tabular.contract.types import Contract

TIMES = 3


def table(rows: pd.DataFrame, contract: Contract, sizes: Sequence[int]) -> Table:
    """CPU seconds, the least of a few, taken in turn."""
    reference = rows.sample(REFERENCE_ROWS, random_state=1).reset_index(drop=True)
    found: list[Row] = []
    for size in sizes:
        window = rows.sample(size, replace=True, random_state=2).reset_index(drop=True)
        spent = [[_seconds(judge, reference, window, contract) for judge in (ours, preset)] for _ in range(TIMES)]
        mine, peer = (min(each) for each in zip(*spent, strict=True))
        found.append({"window": size, "ours": mine, "Evidently's preset": peer, "Evidently's / ours": peer / mine})
    notes = f"{REFERENCE_ROWS:,} reference rows, {len(contract.features)} features, all rows of the window given."
    return Table("One comparison, CPU seconds", found, notes, lines=("window", "ours", "Evidently's preset"))


def _seconds(judge: Judge, reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> float:
    began = time.process_time()
    judge(reference, window, contract)
    return time.process_time() - began
