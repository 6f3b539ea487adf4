"""Evidence block after block, with a bound on how soon it errs: what all alarms have in common.

An e-value is a number of at least 0 whose mean is at most 1 while nothing has changed, whatever came before: what a bet
at fair odds makes of a stake of 1, for instance (Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B
86, 2024). The statistic of Shiryaev and Roberts on e-values, M = (M + 1) e, and any mean of such statistics, takes on
average at least `threshold` blocks to reach `threshold`: e-detectors (Shin, Ramdas and Rinaldo, New England Journal of
Statistics in Data Science 2, 2023).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from tabular.quality.alarm.shares import Floats

MOST = 1_000.0
"""No statistic grows beyond so many times what raises the alarm alone, so that an alarm ends after its cause."""

ENDS_BELOW = 0.01
MAX_LOG = 600.0  # the exponential of more is infinite


class EDetector(ABC):
    """The state after some blocks; `threshold` is the least mean number of blocks until a false alarm.

    `statistics` are those of each bet; `since` is the number of the block that raised the alarm which stands now, from
    0, None if none does.
    """

    def __init__(self, bets: tuple[int, ...], threshold: float) -> None:
        self.statistics: Floats = np.zeros(bets)
        self.threshold = threshold
        self.blocks = 0
        self.since: int | None = None
        self._most = MOST * threshold * self.statistics.size

    def _grow(self, logs: Floats) -> None:
        """Add a block by the logarithm of each bet's e-value; minus infinity for a bet that is not placed."""
        grown = (self.statistics + 1) * np.exp(np.minimum(logs, MAX_LOG))
        self.statistics = np.minimum(grown, self._most)
        self.blocks += 1
        if self.since is None and self.evidence >= 1:
            self.since = self.blocks - 1
        elif self.since is not None and self.evidence < ENDS_BELOW:
            self.since = None

    @property
    @abstractmethod
    def evidence(self) -> float:
        """A mean of the statistics as a multiple of the threshold: an alarm is raised at 1."""

    def evidence_by_feature(self) -> Mapping[str, float]:
        """The evidence of each feature alone, for alarms that are about several."""
        return {}

    @property
    def is_raised(self) -> bool:
        """True if an alarm stands."""
        return self.since is not None
