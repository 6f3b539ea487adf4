"""Follows the predictions of a table in the order in which they were made, and scores each by a model in the shadow.

What is stored late, after a time that was read already, is found by a second reading some minutes behind the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from server.scoring.model import Model
from server.shadow.scoring import shadow_scores
from tabular.ports.shadow import ShadowStore
from tabular.predictions.prediction import Prediction
from tabular.shadow.score import ShadowProgress

Counted = Callable[[int, int], None]
"""Told after each write how many scores were new, and how many predictions could not be scored."""

PAGE_PREDICTIONS = 500
SETTLES_AFTER = timedelta(seconds=2)
"""A prediction is usually stored so long after it was made; nothing younger is read."""

READ_AGAIN_AFTER = timedelta(minutes=10)
SAVED_EVERY = timedelta(minutes=1)
"""How often a position is saved that moves past no prediction."""


class Follower:
    """One model in the shadow of a table. `progress` is what the store has, or a beginning."""

    def __init__(self, store: ShadowStore, model: Model, progress: ShadowProgress, counted: Counted) -> None:
        self.model = model
        self.progress = progress
        self._store = store
        self._counted = counted
        self._saved = progress

    def step(self, now: datetime) -> bool:
        """Score the next predictions; True if there are more. Raises Unavailable, and then begins there again."""
        until = now - SETTLES_AFTER
        self._go_back(until, now - READ_AGAIN_AFTER)
        if self._read(until):
            return True
        return self._read_again(min(self.progress.position, now - READ_AGAIN_AFTER))

    def score(self, predictions: Sequence[Prediction]) -> int:
        """Score and store what this model did not respond to itself; returns how many scores were new."""
        others = [one for one in predictions if one.run_id != self.model.run_id]
        scores = shadow_scores(self.model, others)
        new = self._store.save(scores)
        self._counted(new, len(others) - len(scores))
        return new

    def lag_seconds(self, now: datetime) -> float:
        """How far behind the newest prediction that may be read it is, at most."""
        return max((now - SETTLES_AFTER - self.progress.position).total_seconds(), 0.0)

    def _go_back(self, until: datetime, read_again: datetime) -> None:
        """Take back what was read while the clock was ahead: else all that is made until then would be passed over."""
        before = self.progress
        if before.position <= max(until, before.since):
            return
        at, again = min(before.position, until), min(before.read_again, read_again)
        moved = {"position": max(at, before.since), "read_again": max(again, before.since)}
        self.progress = self._saved = msgspec.structs.replace(before, **moved)
        self._store.save_progress(self.progress)

    def _read(self, until: datetime) -> bool:
        if until <= self.progress.position:
            return False
        found = self._store.predictions(self.progress.table, self.progress.position, until, PAGE_PREDICTIONS)
        self.score(found.predictions)
        self._moved(msgspec.structs.replace(self.progress, position=found.until), saves=bool(found.predictions))
        return found.until < until

    def _read_again(self, until: datetime) -> bool:
        if until <= self.progress.read_again:
            return False
        found = self._store.predictions(self.progress.table, self.progress.read_again, until, PAGE_PREDICTIONS)
        known = self._store.scores(self.model.run_id, [one.id for one in found.predictions])
        self.score([one for one in found.predictions if one.id not in known])
        self._moved(msgspec.structs.replace(self.progress, read_again=found.until), saves=bool(found.predictions))
        return found.until < until

    def _moved(self, progress: ShadowProgress, *, saves: bool) -> None:
        # Only after the scores: what a crash leaves unsaved is read again, and stored once.
        self.progress = progress
        if saves or progress.position - self._saved.position > SAVED_EVERY:
            self._store.save_progress(progress)
            self._saved = progress


def beginning(table: str, run_id: str, since: datetime) -> ShadowProgress:
    """The progress of a model that enters the shadow: predictions made at `since` or later are its evidence."""
    return ShadowProgress(run_id=run_id, table=table, since=since, position=since, read_again=since)
