"""The store of shadow scores, and the reading of predictions in the order in which they were made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tabular.predictions.prediction import Prediction
from tabular.shadow.score import ShadowProgress, ShadowScore


class NextPredictions(NamedTuple):
    """The next predictions, oldest first; all that were made before `until` are among them."""

    predictions: Sequence[Prediction]
    until: datetime


class ShadowStore(Protocol):
    """Raises Unavailable."""

    def predictions(self, table: str, since: datetime, until: datetime, about: int) -> NextPredictions:
        """The oldest predictions with since <= made_at < until, `about` so many: all of one time come together."""

    def save(self, scores: Sequence[ShadowScore]) -> int:
        """Store the scores that are not there yet, one a prediction and run; returns how many were new."""

    def scores(self, run_id: str, prediction_ids: Collection[str]) -> dict[str, ShadowScore]:
        """The scores that a run has of these predictions, by the prediction's id."""

    def progress(self, table: str, run_id: str) -> ShadowProgress | None:
        """How far a run has come; None if it was never in the shadow."""

    def save_progress(self, progress: ShadowProgress) -> None:
        """Store how far a run has come, in place of what was stored before."""

    def close(self) -> None:
        """Close the connections."""
