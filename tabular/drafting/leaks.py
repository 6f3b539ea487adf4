"""Which features may tell the target: those that predict it nearly alone, or by whether they are known at all."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tabular.contract.types import Contract, Task
from tabular.data.table import CleanTable, encode
from tabular.quality.metrics import headline, metrics

LIMIT = 0.95
"""A feature that reaches more by itself is suspected: a ROC-AUC (of several classes the mean), or an R²."""
MAX_ROWS = 20_000
FOLDS = 3
MAX_LEAVES = 64
MIN_LEAF_ROWS = 5
SEED = 0
METRIC_TITLES = {"roc_auc": "ROC-AUC", "r2": "R²"}

Floats = NDArray[np.float64]


def suspicions(contract: Contract, table: CleanTable) -> dict[str, str]:
    """Why each suspected feature is suspected, by its public name.

    Measured on folds that the small tree was not fitted on, on at most `MAX_ROWS` rows drawn by a fixed seed.
    """
    if len(table) > MAX_ROWS:
        table = table.take(np.sort(np.random.default_rng(SEED).permutation(len(table))[:MAX_ROWS]))
    inputs = encode(contract, table.features).astype(np.float64)
    target = np.asarray(table.target, dtype=np.float64)
    found = {}
    for at, name in enumerate(contract.feature_names):
        if why := _suspicion(contract.table.task, inputs[:, at], target):
            found[name] = why
    return found


def _suspicion(task: Task, values: Floats, target: Floats) -> str | None:
    metric = METRIC_TITLES[headline(task)]
    is_missing = np.isnan(values)
    if is_missing.any() and (reached := _alone(task, is_missing.astype(np.float64), target)) > LIMIT:
        return f"whether it is missing predicts the target by itself ({metric} {reached:.3f} on held-out rows)"
    if (reached := _alone(task, values, target)) > LIMIT:
        return f"it predicts the target by itself ({metric} {reached:.3f} on held-out rows)"
    return None


def _alone(task: Task, values: Floats, target: Floats) -> float:
    """The task's headline metric of one feature on rows that its tree did not see; 0 where it cannot be measured."""
    limits = {"max_leaf_nodes": MAX_LEAVES, "min_samples_leaf": MIN_LEAF_ROWS, "random_state": SEED}
    tree = (DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier)(**limits)
    folds = (KFold if task == "regression" else StratifiedKFold)(FOLDS, shuffle=True, random_state=SEED)
    how = "predict" if task == "regression" else "predict_proba"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with fewer rows than folds is told where the target is chosen
        scores = cross_val_predict(tree, values[:, None], target, cv=folds, method=how)
    return metrics(task, target, scores[:, 1] if task == "binary" else scores).get(headline(task), 0.0)
