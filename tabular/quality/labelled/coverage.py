"""How many predictions have a label, by their score: labels that come for some scores only make a skewed table.

A business that acts on a score decides with it whose outcome it gets to see (Lakkaraju et al. 2017, "The selective
labels problem"). No figure repairs that; this one shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

DECILES = 10


class ScoreDecile(msgspec.Struct, frozen=True):
    """The predictions with low <= score <= high of a tenth of all (fewer tenths where many scores are equal)."""

    low: float
    high: float
    predictions: int
    labelled: int

    @property
    def share(self) -> float:
        """The share that has a label, 0 to 1."""
        return self.labelled / self.predictions if self.predictions else 0.0


def label_coverage(scores: Sequence[float], is_labelled: Sequence[bool]) -> tuple[ScoreDecile, ...]:
    """The predictions with and without a label by decile of the score, lowest first; scores that are NaN count nowhere.

    `scores` and `is_labelled` have one entry a prediction.
    """
    given, has_label = np.asarray(scores, dtype=np.float64), np.asarray(is_labelled, dtype=bool)
    is_score = np.isfinite(given)
    given, has_label = given[is_score], has_label[is_score]
    if not len(given):
        return ()
    edges = np.unique(np.quantile(given, np.linspace(0, 1, DECILES + 1), method="lower"))
    # Equal scores stay together: they are one decile, however many they are.
    position = np.clip(np.searchsorted(edges, given, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for at in np.unique(position):
        members = position == at
        low, high = float(given[members].min()), float(given[members].max())
        found.append(ScoreDecile(low, high, int(members.sum()), int(has_label[members].sum())))
    return tuple(found)
