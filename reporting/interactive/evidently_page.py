"""Evidently's own page of two sides: its drift preset as shipped, for those who want to look into it interactively.

What drifted is decided by tabular/quality/drift.py; here are Evidently's own tests and limits.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from tabular.contract.types import Contract
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.window import comparable, compared_inputs

_BRACKETS = str.maketrans({"<": "(", ">": ")"})
NAMES = {REFERENCE_SCORE: "score", REFERENCE_TARGET: "target", REFERENCE_CLASS: "predicted class"}


def evidently_html(reference: pd.DataFrame, window: pd.DataFrame, contract: Contract) -> str:
    """The page, with everything in it: about 4 MB. Both sides are as `Bundle.reference()` has them, with rows.

    The page holds data within a script, and so no text from data as it came: categories are the contract's, without
    angle brackets.
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    before, now = comparable(reference, contract), comparable(window, contract)
    beside = [name for name in NAMES if name in before and name in now]
    columns = [
        name
        for name in (*(one.name for one in compared_inputs(contract)), *beside)
        if before[name].notna().any() and now[name].notna().any()
    ]
    sides = [frame[columns].map(_harmless).rename(columns=_title) for frame in (before, now)]
    numbers = [name for name in sides[0] if pd.api.types.is_float_dtype(sides[0][name])]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in sides[0] if name not in numbers]
    )
    past, current = (Dataset.from_pandas(side, definition) for side in sides)
    page: str = Report([DataDriftPreset()]).run(current, past).get_html_str(as_iframe=False)
    return page


def _title(name: str) -> str:
    return NAMES.get(name, name).translate(_BRACKETS)


def _harmless(value: Any) -> Any:
    return value.translate(_BRACKETS) if isinstance(value, str) else value
