"""XGBoost's trees: boosted until validation stops improving, or grown side by side as a random forest."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import xgboost as xgb

from model_orchestration.search.families.finished import finished
from model_orchestration.search.trial import CATEGORIES, FAMILY, Params, SearchData, Trial
from tabular.contract.training import Training
from tabular.model.xgboost import XGBoostScorer

MAX_BINS = 512

FOREST = {"learning_rate": 1.0}
"""A forest is one round of many trees, each with its whole weight (XGBoost's page on random forests)."""


class BoostingFit:
    """Fits one proposal of the families `xgboost` and `forest`."""

    def __init__(self, data: SearchData, objective: Mapping[str, Any], seed: int, training: Training) -> None:
        self._data = data
        self._fixed = {**objective, "tree_method": "hist", "max_bin": MAX_BINS, "nthread": 1, "seed": seed}
        self._training = training
        self._kept = threading.local()

    def __call__(self, number: int, params: Params, family: str) -> Trial:
        """Train; a boosted model is cut at its best round."""
        started = time.perf_counter()
        train, validation = self._matrices(self.feature_types(params))
        booster = xgb.train(
            self.settings(params, family),
            train,
            evals=[(validation, "validation")],
            verbose_eval=False,
            **self.rounds(family),
        )
        return self.finished(number, params, booster, started, family)

    def settings(self, params: Params, family: str) -> dict[str, Any]:
        """The parameters of XGBoost: the proposal, and what is the same for every trial."""
        forest = FOREST | {"num_parallel_tree": self._training.trees} if family == "forest" else {}
        own = {name: value for name, value in params.items() if name not in {FAMILY, CATEGORIES}}
        return {**self._fixed, **forest, **own}

    def feature_types(self, params: Params) -> tuple[str, ...] | None:
        """XGBoost's type of each input, `c` for its own categories; None where the proposal takes codes only."""
        if params.get(CATEGORIES) != "native" or not any(self._data.is_nominal):
            return None
        return tuple("c" if is_nominal else "q" for is_nominal in self._data.is_nominal)

    def rounds(self, family: str) -> dict[str, int]:
        """How long XGBoost trains, as it is told."""
        if family == "forest":
            # Stopping early cannot happen in one round, but it is what notes the loss on the booster.
            return {"num_boost_round": 1, "early_stopping_rounds": 1}
        limits = self._training
        return {"num_boost_round": limits.max_rounds, "early_stopping_rounds": limits.patience_rounds}

    def finished(self, number: int, params: Params, booster: xgb.Booster, started: float, family: str) -> Trial:
        """The trial of a booster that stopped early: cut at its best round and scored on validation."""
        rounds = booster.best_iteration + 1
        best = XGBoostScorer(booster[:rounds], family=family)
        trees = self._training.trees if family == "forest" else rounds
        return finished(self._data, number, params, best, float(booster.best_score), trees, started)

    def _matrices(self, types: tuple[str, ...] | None) -> tuple[xgb.DMatrix, xgb.DMatrix]:
        # One pair a thread and kind: binned once for all its trials, and no two threads share XGBoost's caches.
        kept: dict[tuple[str, ...] | None, tuple[xgb.DMatrix, xgb.DMatrix]] = self._kept.__dict__.setdefault(
            "pairs", {}
        )
        if types not in kept:
            data = self._data
            options = {"nthread": 1, "feature_types": types, "enable_categorical": types is not None}
            train = xgb.QuantileDMatrix(data.train, data.train_target, max_bin=MAX_BINS, **options)
            kept[types] = train, self._validation(train, options)
        return kept[types]

    def _validation(self, train: xgb.DMatrix, options: Mapping[str, Any]) -> xgb.DMatrix:
        rows, target = self._data.validation, self._data.validation_target
        if options["enable_categorical"]:
            # Not binned: a category that no training row has would become one that some row has.
            return xgb.DMatrix(rows, target, **options)
        return xgb.QuantileDMatrix(rows, target, ref=train, max_bin=MAX_BINS, **options)
