"""A regression whose target is never below 0: a score below it is 0, for a row alone as for many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tabular.encoding.row import Matrix
from tabular.model.scorer import Explanation, Scorer, Scores

ZERO = np.float32(0)


class NonNegativeScorer:
    """Another scorer of one output, whose scores below 0 count as 0; its margins, and so its explanations, stay."""

    def __init__(self, scorer: Scorer) -> None:
        self.unlimited = scorer
        self.family = scorer.family
        self._one = scorer.one

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row."""
        score = self._one(codes)
        return 0.0 if score <= 0 else score  # type: ignore[operator]  # a regression has one output

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        scores = self.unlimited.many(rows)
        return np.where(scores <= 0, ZERO, scores)

    def compiled(self, rows: Matrix) -> NonNegativeScorer:
        """The same limit on the fastest scorer of the model."""
        return NonNegativeScorer(self.unlimited.compiled(rows))

    def explain(self, rows: Matrix) -> Explanation:
        """What each feature contributed to the margin, which may be below 0 where the score is 0."""
        return self.unlimited.explain(rows)

    def to_bytes(self) -> bytes:
        """The model without its limit, which the contract of the bundle names."""
        return self.unlimited.to_bytes()
