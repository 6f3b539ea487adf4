"""A trial: what it is fitted on, what is proposed, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.contract.training import DEFAULT_FAMILIES, Family
from tabular.contract.types import Contract
from tabular.encoding.row import Matrix
from tabular.model.families import read_scorer
from tabular.model.scorer import Scorer, Scores

Params = dict[str, int | float | str]
"""The hyperparameters of a trial by name, its family among them."""

FAMILY = "family"
"""The parameter that says the family."""

CATEGORIES = "categories"
"""The parameter that says how trees take categories; a proposal without it takes their codes."""


@dataclass(frozen=True)
class SearchData:
    """What a trial sees: train to fit on, validation to score on. n x k matrices in contract order, float64 targets.

    `is_number` says of each of the k inputs whether it is a number; the others are codes of categories, of which
    `is_nominal` says whether they are without an order. With `non_negative` a score below 0 is 0.
    """

    train: Matrix
    train_target: NDArray[np.floating[Any]]
    validation: Matrix
    validation_target: NDArray[np.floating[Any]]
    is_number: tuple[bool, ...] = ()
    is_nominal: tuple[bool, ...] = ()
    non_negative: bool = False


@dataclass(frozen=True)
class Trial:
    """One finished trial: `loss` is the validation loss, `model` what its family's scorer writes.

    `rounds` counts the trees of a boosted model at its best round (a class), of a forest all; a linear model has none.
    """

    number: int
    params: Params
    loss: float
    rounds: int
    model: bytes
    validation_scores: Scores
    fit_seconds: float
    family: str = "xgboost"
    non_negative: bool = False

    @property
    def scorer(self) -> Scorer:
        """The model, read from its bytes."""
        return read_scorer(self.family, self.model, non_negative=self.non_negative)


def family_of(params: Mapping[str, int | float | str]) -> Family:
    """The family of a proposal; one that names none is of the default one."""
    family: Family = msgspec.convert(params.get(FAMILY, DEFAULT_FAMILIES[0]), Family)
    return family


def objective(contract: Contract) -> dict[str, Any]:
    """XGBoost's objective and metric for the contract's task; the other families translate them."""
    match contract.table.task:
        case "binary":
            return {"objective": "binary:logistic", "eval_metric": "logloss"}
        case "multiclass":
            classes = len(contract.target.classes)
            return {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": classes}
        case "regression":
            return {"objective": "reg:squarederror", "eval_metric": "rmse"}
