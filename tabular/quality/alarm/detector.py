"""The detector: bets on every watched share that it has left its tolerance, block after block of predictions.

While a share is within the tolerance, a bet on its rising or falling multiplies its stake on average by at most 1 a
block, whatever came before: an e-value (for such bets: Waudby-Smith and Ramdas, Journal of the Royal Statistical
Society B 86, 2024). The statistic of Shiryaev and Roberts on e-values, M = (M + 1) e, and any mean of such statistics,
takes on average at least `threshold` blocks to reach `threshold`: e-detectors (Shin, Ramdas and Rinaldo, New England
Journal of Statistics in Data Science 2, 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tabular.quality.alarm.shares import Counts, Floats

STAKES = np.array([0.05, 0.15, 0.4, 0.9])
"""Parts of the largest stake that no row loses whole; a small one finds small shifts, a large one large ones fast."""

MOST = 1_000.0
"""No statistic grows beyond so many times what raises the alarm alone, so that an alarm ends after its cause."""

ENDS_BELOW = 0.01
MAX_LOG = 600.0  # the exponential of more is infinite


class Detector:
    """The state after some blocks; `threshold` is the least mean number of blocks until a false alarm.

    Every feature has the same weight, and within it every share; `evidence` is the mean of their statistics as a
    multiple of the threshold, `since` the number of the block that raised the alarm which stands now, from 0.
    """

    def __init__(self, features: Sequence[str], lowest: Floats, highest: Floats, threshold: float) -> None:
        self._names, self._member = np.unique(np.asarray(features, dtype=object), return_inverse=True)
        # A share that rises, and the share of the other rows: one that falls is the other's rise.
        limits = np.concatenate([highest, 1 - lowest])
        self._can_rise = limits < 1
        limits = np.where(self._can_rise, limits, 0.5)
        stakes = STAKES / limits[:, None]
        self._if_held, self._if_not = np.log1p(stakes * (1 - limits[:, None])), np.log1p(-stakes * limits[:, None])
        self._statistics = np.zeros_like(stakes)
        self._most = MOST * threshold * stakes.size
        self._threshold = threshold
        self.blocks = 0
        self.since: int | None = None

    def add(self, rows: Counts, held: Counts) -> None:
        """Add a block: of each share, the rows in which its column is there, and those that count."""
        rows, held = np.concatenate([rows, rows]), np.concatenate([held, rows - held])
        logs = held[:, None] * self._if_held + (rows - held)[:, None] * self._if_not
        grown = (self._statistics + 1) * np.exp(np.minimum(logs, MAX_LOG))
        self._statistics = np.where(self._can_rise[:, None], np.minimum(grown, self._most), 0.0)
        self.blocks += 1
        if self.since is None and self.evidence >= 1:
            self.since = self.blocks - 1
        elif self.since is not None and self.evidence < ENDS_BELOW:
            self.since = None

    @property
    def is_raised(self) -> bool:
        """True if an alarm stands."""
        return self.since is not None

    @property
    def evidence(self) -> float:
        """How near an alarm is: it is raised at 1."""
        return float(np.mean(self._by_feature())) if len(self._names) else 0.0

    def evidence_by_feature(self) -> Mapping[str, float]:
        """The same of each feature alone, of which `evidence` is the mean."""
        return dict(zip(self._names, self._by_feature().tolist(), strict=True))

    def _by_feature(self) -> Floats:
        both = self._statistics.mean(axis=1).reshape(2, -1).mean(axis=0)
        sums = np.bincount(self._member, both, minlength=len(self._names))
        return np.asarray(sums / np.bincount(self._member, minlength=len(self._names)) / self._threshold)
