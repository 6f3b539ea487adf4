"""The model's inputs of many rows as columns of a frame: what drift, reports and baselines compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tabular.contract.derived import ModelInput
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.model_inputs import ModelInputs

Floats = NDArray[np.float64]

DATETIME: Final = "datetime64[us]"


def datetimes(codes: Sequence[float], index: pd.Index) -> pd.Series[Any]:
    """A column of datetimes from their codes, NaT where missing."""
    microseconds = np.array(codes, dtype=np.float64)
    is_there = ~np.isnan(microseconds)
    column = np.full(len(microseconds), "NaT", dtype=DATETIME)
    column[is_there] = microseconds[is_there].astype(np.int64).astype(DATETIME)
    return pd.Series(column, index)


def feature_codes(feature: Feature, values: pd.Series[Any]) -> Floats:
    """The codes of a feature's canonical values: the same as `RowCodec` gives them, NaN where missing or unknown."""
    if feature.is_datetime:
        microseconds = values.to_numpy(dtype=DATETIME).astype(np.int64).astype(np.float64)
        return np.where(values.isna().to_numpy(), np.nan, microseconds)
    if feature.has_categories:
        values = values.map({category: code for code, category in enumerate(feature.categories)})
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def input_columns(contract: Contract, features: pd.DataFrame) -> Iterator[Floats]:
    """The model's inputs of canonical columns, one after the other in matrix order, as codes."""
    return ModelInputs(contract).columns(
        lambda at: feature_codes(contract.features[at], features[contract.feature_names[at]])
    )


def input_frame(contract: Contract, features: pd.DataFrame) -> pd.DataFrame:
    """One column a model input, in matrix order, from the canonical values of the features.

    Features stay as they are, unknown categories too; a derived column is float64, or categories, None where missing.
    """
    given = {feature.name: feature for feature in contract.features}
    columns = {}
    for column, codes in zip(contract.inputs, input_columns(contract, features), strict=True):
        columns[column.name] = features[column.name] if column.name in given else _values(column, codes, features.index)
    return pd.DataFrame(columns, index=features.index)


def _values(column: ModelInput, codes: Floats, index: pd.Index) -> pd.Series[Any]:
    if column.is_numeric:
        return pd.Series(codes, index)
    names = np.array([*column.categories, None], dtype=object)
    return pd.Series(names[np.nan_to_num(codes, nan=-1).astype(np.int64)], index, dtype=object)
