"""The detector of drift: bets on every watched share that it has left its tolerance, block after block of predictions.

While a share is within the tolerance, a bet on its rising or falling multiplies its stake on average by at most 1 a
block, whatever came before: an e-value (`e_detector.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tabular.quality.alarm.e_detector import EDetector
from tabular.quality.alarm.shares import Counts, Floats

STAKES = np.array([0.05, 0.15, 0.4, 0.9])
"""Parts of the largest stake that no row loses whole; a small one finds small shifts, a large one large ones fast."""


class Detector(EDetector):
    """The state after some blocks. Every feature has the same weight, and within it every share."""

    def __init__(self, features: Sequence[str], lowest: Floats, highest: Floats, threshold: float) -> None:
        self._names, self._member = np.unique(np.asarray(features, dtype=object), return_inverse=True)
        # A share that rises, and the share of the other rows: one that falls is the other's rise.
        limits = np.concatenate([highest, 1 - lowest])
        self._can_rise = limits < 1
        limits = np.where(self._can_rise, limits, 0.5)
        stakes = STAKES / limits[:, None]
        self._if_held, self._if_not = np.log1p(stakes * (1 - limits[:, None])), np.log1p(-stakes * limits[:, None])
        super().__init__(stakes.shape, threshold)

    def add(self, rows: Counts, held: Counts) -> None:
        """Add a block: of each share, the rows in which its column is there, and those that count."""
        rows, held = np.concatenate([rows, rows]), np.concatenate([held, rows - held])
        logs = held[:, None] * self._if_held + (rows - held)[:, None] * self._if_not
        self._grow(np.where(self._can_rise[:, None], logs, -np.inf))

    @property
    def evidence(self) -> float:
        """How near an alarm is: it is raised at 1."""
        return float(np.mean(self._by_feature())) if len(self._names) else 0.0

    def evidence_by_feature(self) -> Mapping[str, float]:
        """The same of each feature alone, of which `evidence` is the mean."""
        return dict(zip(self._names, self._by_feature().tolist(), strict=True))

    def _by_feature(self) -> Floats:
        both = self.statistics.mean(axis=1).reshape(2, -1).mean(axis=0)
        sums = np.bincount(self._member, both, minlength=len(self._names))
        return np.asarray(sums / np.bincount(self._member, minlength=len(self._names)) / self.threshold)
