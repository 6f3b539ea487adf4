"""Fits one proposal, whatever its family; picklable, so that a process or a cluster can run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_orchestration.search.families.boosting import BoostingFit
from model_orchestration.search.families.lightgbm import LightGBMFit
from model_orchestration.search.families.linear import LinearFit
from model_orchestration.search.trial import Params, SearchData, Trial, family_of
from tabular.contract.training import Training


class Fit:
    """Fits one proposal on train and scores it on validation, the same wherever it runs; `boosting` does XGBoost's."""

    def __init__(
        self, data: SearchData, objective: Mapping[str, Any], seed: int, training: Training | None = None
    ) -> None:
        self.data = data
        self.training = training or Training()
        self._seed = seed
        self._objective = objective
        self.boosting = BoostingFit(data, objective, seed, self.training)
        self._linear = LinearFit(data, objective)
        self._lightgbm = LightGBMFit(data, objective, seed, self.training)

    def __reduce__(self) -> tuple[type[Fit], tuple[Any, ...]]:
        return Fit, (self.data, self._objective, self._seed, self.training)

    def __call__(self, number: int, params: Params) -> Trial:
        """The trial of a proposal."""
        family = family_of(params)
        if family == "linear":
            return self._linear(number, params)
        if family == "lightgbm":
            return self._lightgbm(number, params)
        return self.boosting(number, params, family)
