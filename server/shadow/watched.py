"""A model in the shadow with all that is kept for it: its scores' position, and its pairs of losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec

from server.scoring.model import ready_model
from server.shadow.candidates import Candidate
from server.shadow.follower import Follower, beginning
from server.shadow.metrics import ShadowMetrics
from server.shadow.pairs import LabelledPairs
from tabular.model.bundle import Bundle
from tabular.ports.predictions import PredictionReader
from tabular.ports.shadow import ShadowStore
from tabular.quality.bounded_loss import largest_error
from tabular.quality.sequential.challenge import Evidence, evidence
from tabular.shadow.score import ShadowProgress


@dataclass
class Watched:
    """A model in the shadow; its evidence is of predictions that the run `champion` made at `since` or later."""

    candidate: Candidate
    champion: str
    since: datetime
    follower: Follower
    pairs: LabelledPairs
    found: Evidence | None = None

    def judge(self, confidence: float) -> Evidence:
        """The evidence of all pairs; it is worked out again only where there are more of them."""
        champion, own = self.pairs.losses
        if self.found is None or self.found.labels != len(own):
            self.found = evidence(champion - own, confidence)
        return self.found

    def figures(self, now: datetime) -> Mapping[str, str | float | None]:
        """What a decision rests on: the gain with its interval, both mean losses, and how long it took."""
        champion, own = self.pairs.losses
        found = self.found or evidence(champion - own, 0.5)
        return {
            "labels": float(found.labels),
            "gain": found.gain,
            "gain_low": found.interval.low,
            "gain_high": found.interval.high,
            "champion_loss": float(champion.mean()) if len(own) else None,
            "own_loss": float(own.mean()) if len(own) else None,
            "not_comparable": float(self.pairs.not_comparable),
            "days": self.days(now),
            "since": self.since.isoformat(timespec="seconds"),
        }

    def days(self, now: datetime) -> float:
        """How long it has been in the shadow."""
        return (now - self.since).total_seconds() / 86_400


def watch(  # noqa: PLR0913, PLR0917 - a model, what serves, and where both are read
    store: ShadowStore,
    labels: PredictionReader,
    metrics: ShadowMetrics,
    candidate: Candidate,
    champion: str,
    served: Bundle,
    bundle: Bundle,
    now: datetime,
) -> Watched:
    """Begin with a model beside the champion, which serves the bundle `served`, or go on; raises Unavailable."""
    contract = served.contract
    progress = _progress(store, contract.table.name, candidate, now)
    counted = partial(metrics.scored, contract.table.name, candidate.role)
    follower = Follower(store, ready_model(candidate.run_id, bundle), progress, counted)
    largest = largest_error(contract.table.task, served.metrics)
    pairs = LabelledPairs(labels, store, follower, contract, largest)
    return Watched(candidate, champion, progress.since, follower, pairs)


def _progress(store: ShadowStore, table: str, candidate: Candidate, now: datetime) -> ShadowProgress:
    """What the store has, from the time on at which it entered; a model that comes back begins there again."""
    stored = store.progress(table, candidate.run_id)
    since = candidate.since or (stored.since if stored else now)
    if stored is not None and stored.position >= since:
        return msgspec.structs.replace(stored, since=since)
    begun = beginning(table, candidate.run_id, since)
    store.save_progress(begun)
    return begun
