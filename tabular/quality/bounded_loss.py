"""The loss of a row from 0 to 1: evidence that may be looked at at any time needs a bound.

Brier's score: the squared error of the probability (binary), or half the sum of the squared errors over the classes
(multiclass). Of a regression the squared error, as a share of the square of the largest error that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tabular.contract.types import Task

if TYPE_CHECKING:
    from tabular.quality.metrics import Floats

ERRORS_COUNT_TO = 4.0
"""An error of a regression counts up to so many times the RMSE on the validation rows: beyond it, it is as bad."""


def largest_error(task: Task, validation: Mapping[str, float]) -> float:
    """The largest error that counts, by a model's validation metrics (`Bundle.metrics`); 1 but for a regression.

    It has to be known before the labels are: both models of a comparison are measured by the champion's.
    """
    return ERRORS_COUNT_TO * validation["rmse"] if task == "regression" and validation["rmse"] > 0 else 1.0


def bounded_losses(task: Task, target: Floats, scores: Floats, largest: float = 1.0) -> Floats:
    """The loss of each row, n values from 0 to 1; target and scores are those of `metrics`."""
    scores = np.asarray(scores, dtype=np.float64)
    if task == "multiclass":
        truth = np.eye(scores.shape[1])[np.asarray(target).astype(np.int64)]
        return np.asarray(((scores - truth) ** 2).sum(axis=1) / 2)
    errors = np.minimum(np.abs(scores - target) / largest, 1.0)
    return np.asarray(errors**2)
