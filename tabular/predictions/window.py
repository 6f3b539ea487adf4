"""A window of predictions as a table, in the shape of a bundle's drift reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabular.contract.derived import ModelInput
from tabular.contract.types import Contract
from tabular.data.input_frame import datetimes, input_frame
from tabular.encoding.dates import moment_in
from tabular.model.bundle import REFERENCE_CLASS, REFERENCE_SCORE, REFERENCE_TARGET
from tabular.predictions.prediction import Prediction

MISSING_CATEGORY = "(missing)"
UNKNOWN_CATEGORY = "(unknown)"


def window_frame(predictions: Sequence[Prediction], contract: Contract) -> pd.DataFrame:
    """Predictions as a frame shaped like `Bundle.reference()`: the model's inputs and REFERENCE_SCORE.

    Of a multiclass model also REFERENCE_CLASS; what names no class of the contract is missing there.
    """
    columns: dict[str, Any] = {}
    for feature in contract.features:
        column = pd.Series([prediction.row.get(feature.name) for prediction in predictions], dtype=object)
        # A document of another version may hold anything: what is no number, or no datetime, counts as missing.
        if feature.is_datetime:
            column = _datetimes(column)
        elif feature.is_numeric:
            column = pd.to_numeric(column, errors="coerce").astype("float64")
        columns[feature.name] = column
    frame = input_frame(contract, pd.DataFrame(columns))
    scores = {REFERENCE_SCORE: np.array([prediction.score for prediction in predictions], dtype=np.float64)}
    if contract.table.task == "multiclass":
        position = {name: float(at) for at, name in enumerate(contract.target.classes)}
        found = [position.get(prediction.predicted_class or "", math.nan) for prediction in predictions]
        scores[REFERENCE_CLASS] = np.array(found, dtype=np.float64)
    return frame.assign(**scores)


def _datetimes(texts: pd.Series[Any]) -> pd.Series[Any]:
    moments = [moment_in(text) if isinstance(text, str) else None for text in texts]
    return datetimes([math.nan if moment is None else moment.microseconds for moment in moments], texts.index)


def closed_categories(feature: ModelInput, values: pd.Series[Any]) -> pd.Series[str]:
    """A column of categories with nothing left open: missing and unknown are two more."""
    known = values.where(values.isin(feature.categories), UNKNOWN_CATEGORY)
    return known.mask(values.isna(), MISSING_CATEGORY).astype(str)


def compared_inputs(contract: Contract) -> list[ModelInput]:
    """The inputs of the model whose drift is measured: all but the parts of dates.

    These change with the calendar alone: a window of one hour always differs from a reference of a month.
    """
    return [column for column in contract.inputs if not column.follows_calendar]


def comparable(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Numbers as float64, categories closed, and per number a column `presence(name)` that says whether it is there.

    The target's classes are categories too. An infinite number counts as missing: no endpoint takes one.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for feature in contract.inputs:
        values = frame[feature.name]
        if feature.is_numeric:
            values = finite(values)
            columns[feature.name] = values
            columns[presence(feature.name)] = values.isna().map({True: "missing", False: "present"})
        else:
            columns[feature.name] = closed_categories(feature, values)
    if REFERENCE_SCORE in frame:
        columns[REFERENCE_SCORE] = finite(frame[REFERENCE_SCORE])
    if REFERENCE_CLASS in frame:
        positions = frame[REFERENCE_CLASS].astype("float64")
        columns[REFERENCE_CLASS] = positions.astype(str).where(positions.notna())  # none where there is no score
    if REFERENCE_TARGET in frame:
        target = frame[REFERENCE_TARGET]
        columns[REFERENCE_TARGET] = target.astype(str) if contract.target.classes else finite(target)
    return pd.DataFrame(columns).reset_index(drop=True)


def finite(values: pd.Series[Any]) -> pd.Series[float]:
    """A column of numbers as float64, NaN where a value is missing or infinite."""
    numbers = values.astype("float64")
    return numbers.where(np.isfinite(numbers))


def presence(name: str) -> str:
    """The name of the column that says whether a number is there."""
    return f"{name} is there"
