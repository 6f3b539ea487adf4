"""Who says whether a window drifted: our comparison, and Evidently's preset as it is shipped."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tabular.contract.types import Contract
from tabular.quality.drift import Drift, compare


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
