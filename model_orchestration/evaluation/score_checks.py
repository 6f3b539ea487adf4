"""The gate's checks of the test scores by themselves: numbers that can be scores, that differ, and that point up."""

from __future__ import annotations

import numpy as np

from model_orchestration.evaluation.comparison import figures
from model_orchestration.evaluation.evidence import Evidence, Floats, Rejection

MIN_SCORE_RANGE = 1e-6
MIN_INVERSION_SIGMAS = 2.0


def scores_in_range(evidence: Evidence) -> Rejection | None:
    """Probabilities lie in [0, 1] (and sum to 1 over the classes); values of a regression are finite."""
    scores = evidence.test_scores
    is_regression = evidence.contract.table.task == "regression"
    bad = ~np.isfinite(scores) if is_regression else ~((scores >= 0) & (scores <= 1))
    if bad.any():
        return Rejection(
            "scores_in_range",
            f"{int(bad.sum())} test scores are not {'finite numbers' if is_regression else 'probabilities'}, "
            f"such as {scores[bad][0]:g}",
            "check the target for absurd values" if is_regression else "check the objective: it gives margins",
        )
    sums = scores.sum(axis=1) if scores.ndim == 2 else np.ones(1)
    off = np.abs(sums - 1) > 1e-3
    if not off.any():
        return None
    return Rejection(
        "scores_in_range",
        f"the probabilities of {int(off.sum())} test rows do not sum to 1, such as {sums[off][0]:g}",
        "check the objective: its classes must exclude one another",
    )


def not_constant(evidence: Evidence) -> Rejection | None:
    """The scores differ from row to row."""
    difference = float(np.ptp(evidence.test_scores, axis=0).max())
    if difference > MIN_SCORE_RANGE:
        return None
    return Rejection(
        "not_constant",
        f"every test row gets the same score (they differ by {difference:g} at most)",
        "check the features: no trial learnt anything from them",
    )


def polarity(evidence: Evidence) -> Rejection | None:
    """The score rises with what it is named for, read from the labels as written rather than from their encoding."""
    inverted = [
        (name, inside.mean(), outside.mean())
        for name, inside, outside in _groups(evidence)
        if outside.mean() - inside.mean() > MIN_INVERSION_SIGMAS * _error_of_means(inside, outside)
    ]
    if not inverted:
        return None
    name, inside, outside = inverted[0]
    low, high = figures(float(inside), float(outside))
    return Rejection(
        "polarity",
        f"the score should rise with {name}, but it averages {low} there and {high} elsewhere",
        "check which class the target is encoded as 1 for: the model may say the probability of the opposite",
    )


def _groups(evidence: Evidence) -> list[tuple[str, Floats, Floats]]:
    """For each thing a score is named for: the scores of the rows that are it, and of those that are not."""
    contract, scores = evidence.contract, evidence.test_scores.astype(np.float64)
    labels = evidence.split.test.raw_target.to_numpy()
    if contract.table.task == "regression":
        target = evidence.split.test.target.to_numpy()
        high = target > np.median(target)
        groups = [("the value to predict", high, scores)]
    else:
        classes = contract.target.classes
        columns = {contract.target.positive: scores} if scores.ndim == 1 else dict(zip(classes, scores.T, strict=True))
        groups = [(f"the class {name!r}", labels == name, column) for name, column in columns.items()]
    return [(name, column[rows], column[~rows]) for name, rows, column in groups if 0 < rows.sum() < len(rows)]


def _error_of_means(first: Floats, second: Floats) -> float:
    """The standard error of the difference of two means, the variance being taken as common."""
    deviation = float(np.concatenate([first, second]).std())
    return deviation * float(np.sqrt(1 / len(first) + 1 / len(second)))
