"""What any model must beat: a constant, and a linear model on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tabular.contract.types import Contract
from tabular.data.input_frame import input_frame
from tabular.data.table import CleanTable

MAX_ROWS = 200_000
CONSTANT, LINEAR = "a constant", "a linear model"

Floats = NDArray[np.floating[Any]]


def baselines(contract: Contract, train: CleanTable, test: CleanTable) -> dict[str, Floats]:
    """The scores of each baseline, fitted on train, on the test rows: the shape a model of the task gives.

    A linear model is fitted on a sample of a large table: it has a coefficient a column, and learns no more from more.
    """
    linear = _linear(contract, train.sample(MAX_ROWS), test)
    if contract.target.non_negative:  # as the model's own scores are
        linear = np.maximum(linear, 0)
    return {CONSTANT: _constant(contract, train, len(test)), LINEAR: linear}


def _constant(contract: Contract, train: CleanTable, rows: int) -> Floats:
    target = train.target.to_numpy()
    if contract.table.task != "multiclass":
        return np.full(rows, target.mean())
    shares = np.bincount(target.astype(np.int64), minlength=len(contract.target.classes)) / len(target)
    return np.tile(shares, (rows, 1))


def _linear(contract: Contract, train: CleanTable, test: CleanTable) -> Floats:
    """Logistic regression, or ridge for a regression; categories one-hot (missing is a category), numbers scaled."""
    is_regression = contract.table.task == "regression"
    model: Pipeline = make_pipeline(
        _columns(contract), Ridge() if is_regression else LogisticRegression(max_iter=1_000)
    )
    model.fit(_readable(contract, train), train.target.to_numpy())
    if is_regression:
        return np.asarray(model.predict(_readable(contract, test)), dtype=np.float64)
    probabilities = np.zeros((len(test), max(2, len(contract.target.classes))))
    probabilities[:, model.classes_.astype(np.int64)] = model.predict_proba(_readable(contract, test))
    return probabilities[:, 1] if contract.table.task == "binary" else probabilities


def _columns(contract: Contract) -> Any:
    numbers = [column.name for column in contract.inputs if column.is_numeric]
    categories = [column.name for column in contract.inputs if not column.is_numeric]
    filled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    return ColumnTransformer(
        [("numbers", filled, numbers), ("categories", OneHotEncoder(handle_unknown="ignore"), categories)]
    )


def _readable(contract: Contract, table: CleanTable) -> pd.DataFrame:
    inputs = input_frame(contract, table.features)
    for column in contract.inputs:
        if not column.is_numeric:
            values = inputs[column.name].astype(object)
            inputs[column.name] = values.where(values.isin(column.categories), "(missing)")
    return inputs
