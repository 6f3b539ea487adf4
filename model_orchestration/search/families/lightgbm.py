"""LightGBM's trees, boosted until validation stops improving."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from model_orchestration.search.families.finished import finished
from model_orchestration.search.trial import CATEGORIES, FAMILY, Params, SearchData, Trial
from tabular.contract.training import Training
from tabular.contract.types import Task
from tabular.model.lightgbm import LightGBMScorer, import_lightgbm
from tabular.quality.metrics import row_losses

OBJECTIVES: dict[str, tuple[Task, dict[str, Any]]] = {
    "binary:logistic": ("binary", {"objective": "binary", "metric": "binary_logloss"}),
    "multi:softprob": ("multiclass", {"objective": "multiclass", "metric": "multi_logloss"}),
    "reg:squarederror": ("regression", {"objective": "regression", "metric": "rmse"}),
}

Pair = tuple[Any, Any]


class LightGBMFit:
    """Fits one proposal of the family `lightgbm`; its settings make a trial bit-identical wherever it runs."""

    def __init__(self, data: SearchData, objective: Mapping[str, Any], seed: int, training: Training) -> None:
        self._data = data
        self._task, own = OBJECTIVES[objective["objective"]]
        classes = {"num_class": objective["num_class"]} if self._task == "multiclass" else {}
        self._fixed = {
            **own,
            **classes,
            "seed": seed,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,  # it would bind the binned rows to one min_data_in_leaf
            "bagging_freq": 1,
            "verbosity": -1,
        }
        self._training = training
        self._kept = threading.local()

    def __call__(self, number: int, params: Params) -> Trial:
        """Train; the model is cut at its best round. Raises ImportError without the library."""
        library, started = import_lightgbm(), time.perf_counter()
        own = {name: value for name, value in params.items() if name not in {FAMILY, CATEGORIES}}
        train, validation = self._rows(library, params)
        booster = library.train(
            {**self._fixed, **own},
            train,
            num_boost_round=self._training.max_rounds,
            valid_sets=[validation],
            callbacks=[library.early_stopping(self._training.patience_rounds, verbose=False)],
        )
        rounds = booster.best_iteration or booster.current_iteration()
        best = LightGBMScorer.from_bytes(booster.model_to_string(num_iteration=rounds).encode())
        mean = float(row_losses(self._task, self._data.validation_target, best.many(self._data.validation)).mean())
        loss = float(np.sqrt(mean)) if self._task == "regression" else mean
        return finished(self._data, number, params, best, loss, rounds, started)

    def _rows(self, library: Any, params: Params) -> Pair:
        # One pair a thread and kind: binned once for all its trials, and no two threads share LightGBM's structures.
        is_native = params.get(CATEGORIES) == "native"
        kept: dict[bool, Pair] = self._kept.__dict__.setdefault("pairs", {})
        if is_native not in kept:
            data = self._data
            nominal = [at for at, is_nominal in enumerate(data.is_nominal) if is_nominal and is_native]
            options = {"categorical_feature": nominal, "params": self._fixed, "free_raw_data": False}
            train = library.Dataset(data.train, data.train_target, **options)
            kept[is_native] = train, train.create_valid(data.validation, data.validation_target)
        return kept[is_native]
