"""The alarm on quality: bets that the mean bounded loss of labelled predictions is above what the model had promised.

What it had promised is the mean loss of the rows of its bundle that it was not fitted on, and a tolerance. Tracking the
risk of a deployed model: Podkopaev and Ramdas, International Conference on Learning Representations 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tabular.quality.alarm.e_detector import EDetector
from tabular.quality.alarm.loss_grid import GRID
from tabular.quality.metrics import Floats
from tabular.quality.sequential.betting import confidence_sequence

TOLERANCE = 0.1
"""A mean loss is let be higher than the reference's by this part of it."""

REFERENCE_ERROR = 0.01
"""The probability that the reference's mean loss is further below the truth than the limit allows for, at most."""

STAKES = np.array([0.02, 0.05, 0.15, 0.4])
"""Parts of the largest stake that no row loses whole; a small one finds a small rise, a large one a large one fast."""

LEAST_LIMIT = 1e-6


@dataclass(frozen=True)
class ReferenceRisk:
    """The mean bounded loss of a reference: what it is, and the highest that still counts as it, both 0 to 1."""

    mean: float
    limit: float


def reference_risk(losses: Floats) -> ReferenceRisk:
    """The risk by the bounded losses of a bundle's held-out rows; without any, a limit of 1, which nothing exceeds."""
    if not len(losses):
        return ReferenceRisk(0.0, 1.0)
    mean, known = float(losses.mean()), confidence_sequence(losses, 2 * REFERENCE_ERROR).high
    return ReferenceRisk(mean, float(np.clip(max(known, mean * (1 + TOLERANCE)), LEAST_LIMIT, 1.0)))


class RiskDetector(EDetector):
    """The state after some blocks of losses: how sure it is that their mean has risen above the limit."""

    def __init__(self, limit: float, threshold: float) -> None:
        super().__init__(STAKES.shape, threshold)
        self._can_rise = limit < 1
        self._logs = np.log1p(STAKES[:, None] / limit * (GRID - limit))

    def add(self, counts: Sequence[float]) -> None:
        """Add a block, as `counts_on_grid` has it."""
        logs = self._logs @ np.asarray(counts, dtype=np.float64)
        self._grow(logs if self._can_rise else np.full_like(logs, -np.inf))

    @property
    def evidence(self) -> float:
        """How near an alarm is: it is raised at 1."""
        return float(self.statistics.mean() / self.threshold)
