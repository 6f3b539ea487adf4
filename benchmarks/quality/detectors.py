"""What says whether a window has drifted, and its cost: our comparison, and Evidently's preset as it is shipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from benchmarks.harness.figures import Row
from benchmarks.harness.results import Table
from tabular.contract.types import Contract
from tabular.quality.drift import Drift, compare

Detector = Callable[[pd.DataFrame, pd.DataFrame, Contract], bool]
REFERENCE_ROWS = 2_000
TIMES = 3


def ours(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> bool:
    """True if our comparison flags any feature."""
    outcome = compare(reference, window, contract)
    return isinstance(outcome, Drift) and outcome.dataset_drift


def preset(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> bool:
    """True if Evidently's preset, as it is shipped, flags any column."""
    return any(
        metric["value"]["count"] > 0
        for metric in preset_snapshot(reference, window, contract).dict()["metrics"]
        if "DriftedColumns" in metric["metric_name"]
    )


def preset_snapshot(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> Any:
    """Evidently's preset on the features of both, computed."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [feature.name for feature in contract.features if feature.is_numeric]
    labels = [feature.name for feature in contract.features if not feature.is_numeric]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    frames = [frame[numbers + labels].astype(dict.fromkeys(labels, "str")) for frame in (window, reference)]
    snapshot = Report([DataDriftPreset()]).run(*(Dataset.from_pandas(frame, definition) for frame in frames))
    snapshot.dict()
    return snapshot


def cost(rows: pd.DataFrame, contract: Contract, sizes: Sequence[int]) -> Table:
    """CPU seconds of one comparison by the rows in the window, the least of a few, taken in turn."""
    reference = rows.sample(REFERENCE_ROWS, random_state=1).reset_index(drop=True)
    found: list[Row] = []
    for size in sizes:
        window = rows.sample(size, replace=True, random_state=2).reset_index(drop=True)
        spent = [[_seconds(detector, reference, window, contract) for detector in (ours, preset)] for _ in range(TIMES)]
        mine, peer = (min(each) for each in zip(*spent, strict=True))
        found.append({"window": size, "ours": mine, "Evidently's preset": peer, "Evidently's / ours": peer / mine})
    notes = f"{REFERENCE_ROWS:,} reference rows, {len(contract.features)} features, all rows of the window given."
    return Table("One comparison, CPU seconds", found, notes, lines=("window", "ours", "Evidently's preset"))


def _seconds(detector: Detector, reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> float:
    began = time.process_time()
    detector(reference, window, contract)
    return time.process_time() - began
