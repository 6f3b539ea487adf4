"""The metrics that scores are expected to have if each row's outcome is drawn by its calibrated probability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabular.contract.types import Task
from tabular.model.calibration import Doubles
from tabular.quality.metrics import SMALLEST_PROBABILITY, Floats

LEAST_OF_A_CLASS = 1.0
"""With fewer expected rows of a class, or outside of it, its ROC-AUC is left out: it would hardly be defined."""


class Expected(NamedTuple):
    """A metric's expected value, and its standard error from the chance of the outcomes.

    `gradient` is how much the value changes with each row's probability: n, or n x classes. `units` counts what the
    metric rests on: rows, or expected rows of the rarer class.
    """

    value: float
    outcome_error: float
    gradient: Doubles
    units: int


def expected_metrics(task: Task, scores: Floats, probabilities: Doubles) -> dict[str, Expected]:
    """ROC-AUC, log loss, Brier's score and accuracy, as `tabular.quality.metrics` measures them.

    `scores` are what was served, `probabilities` what is calibrated: n each for a binary task, n x classes for several.
    """
    if task == "binary":
        both = _expected(np.stack([1 - scores, scores], axis=1), np.stack([1 - probabilities, probabilities], axis=1))
        # Of two probabilities one is free: the value changes with it by the difference.
        return {name: one._replace(gradient=one.gradient[:, 1] - one.gradient[:, 0]) for name, one in both.items()}
    return _expected(scores, probabilities)


def _expected(scores: Floats, probabilities: Doubles) -> dict[str, Expected]:
    """The same for n x classes, two or more."""
    is_binary = scores.shape[1] == 2
    found = {
        "log_loss": -np.log(np.clip(scores, SMALLEST_PROBABILITY, 1.0)),
        "brier": _squares(scores) / (2 if is_binary else 1),
        "accuracy": _is_predicted(scores),
    }
    ranking = _roc_auc(scores, probabilities, (1,) if is_binary else tuple(range(scores.shape[1])))
    return ranking | {name: _mean(by_class, probabilities) for name, by_class in found.items()}


def _mean(by_class: Doubles, probabilities: Doubles) -> Expected:
    """The expected mean of what each row counts for each of its possible outcomes: n x classes."""
    gradient = by_class / len(by_class)
    value = float(np.sum(gradient * probabilities))
    return Expected(value, _outcome_error(gradient, probabilities), gradient, len(by_class))


def _squares(scores: Floats) -> Doubles:
    """The sum over the classes of squared errors, by the class that is the outcome."""
    return np.asarray((scores**2).sum(axis=1, keepdims=True) - 2 * scores + 1)


def _is_predicted(scores: Floats) -> Doubles:
    # Of two classes a score of exactly 0.5 counts as positive; of several the first of equals is predicted.
    predicted = (scores[:, 1] >= scores[:, 0]).astype(np.int64) if scores.shape[1] == 2 else scores.argmax(axis=1)
    return np.asarray(np.eye(scores.shape[1])[predicted])


def _roc_auc(scores: Floats, probabilities: Doubles, classes: tuple[int, ...]) -> dict[str, Expected]:
    """The mean over these classes, each against the rest; nothing if none of them has rows on both sides."""
    expected = {code: float(probabilities[:, code].sum()) for code in classes}
    rarer = {code: min(rows, len(scores) - rows) for code, rows in expected.items()}
    present = [code for code in classes if rarer[code] >= LEAST_OF_A_CLASS]
    if not present:
        return {}
    gradient, value = np.zeros_like(probabilities), 0.0
    for code in present:
        found, of_class = _ranking(scores[:, code], probabilities[:, code])
        value += found / len(present)
        gradient[:, code] = of_class / len(present)
    units = max(2, round(min(rarer[code] for code in present)))
    return {"roc_auc": Expected(value, _outcome_error(gradient, probabilities), gradient, units)}


def _ranking(scores: Floats, probabilities: Doubles) -> tuple[float, Doubles]:
    """The expected share of pairs that are ranked rightly, and its gradient; a row makes no pair with itself."""
    levels, member = np.unique(scores, return_inverse=True)
    positive = np.bincount(member, probabilities, len(levels))
    negative = np.bincount(member, 1 - probabilities, len(levels))
    # The negatives below and the positives above each row, those of its own score counting half.
    below = (np.cumsum(negative) - negative / 2)[member] - (1 - probabilities) / 2
    above = (positive.sum() - np.cumsum(positive) + positive / 2)[member] - probabilities / 2
    positives, negatives = positive.sum(), negative.sum()
    pairs = positives * negatives - float(np.sum(probabilities * (1 - probabilities)))
    value = float(np.sum(probabilities * below)) / pairs
    of_pairs = (negatives - (1 - probabilities)) - (positives - probabilities)
    return value, (below - above - value * of_pairs) / pairs


def _outcome_error(gradient: Doubles, probabilities: Doubles) -> float:
    """The standard error of a metric if each row's outcome is drawn by its probabilities, to first order."""
    mean = (gradient * probabilities).sum(axis=1)
    return float(np.sqrt(max(np.sum((gradient**2 * probabilities).sum(axis=1) - mean**2), 0.0)))
