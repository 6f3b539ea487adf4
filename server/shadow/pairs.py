"""The labelled predictions of a champion beside what a model in the shadow gave for the same rows: pairs of losses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import numpy as np

from tabular.contract.types import Contract
from tabular.ports.predictions import PredictionReader
from tabular.ports.shadow import ShadowStore
from tabular.predictions.label import LATE_AFTER, SETTLED_AFTER
from tabular.predictions.prediction import Prediction
from tabular.quality.bounded_loss import bounded_losses
from tabular.quality.labelled.targets import scores_of, targets
from tabular.quality.sequential.betting import Floats
from tabular.shadow.score import ShadowScore

LABELS_AT_ONCE = 50_000
"""Of more labels between two readings a uniform sample by id is read, which no outcome decides about."""


class Healer(Protocol):
    """What scores predictions that were not scored yet."""

    def score(self, predictions: Sequence[Prediction]) -> int:
        """Score and store; returns how many were new."""


class LabelledPairs:
    """The pairs of one champion and one run in the shadow, in the order in which their labels came.

    A prediction counts if it was made at `since` or later, by the champion, and its label is valid; once, by its first
    label, and of a business key the first prediction: later ones with the same outcome would be no new evidence.
    Each time is read twice: what a store that stalled took late is found by the second reading.
    """

    def __init__(
        self, labels: PredictionReader, store: ShadowStore, healer: Healer, contract: Contract, largest_error: float
    ) -> None:
        self._labels, self._store, self._healer = labels, store, healer
        self._contract, self._largest_error = contract, largest_error
        self._losses: list[Floats] = []
        self._seen: set[str] = set()
        self._read_until: datetime | None = None
        self._read_again_until: datetime | None = None
        self.not_comparable = 0

    def read(self, champion: str, run_id: str, since: datetime, now: datetime) -> int:
        """Read the labels that came since the last time; returns how many pairs are new.

        Raises Unavailable, and then begins there again.
        """
        begin, until = self._read_until or since, now - SETTLED_AFTER
        if until <= begin:
            if until < begin:  # the clock was ahead: all is read again, of which what counted is known
                self._read_until = self._read_again_until = None
            return 0
        found = self._between(begin, until, champion, run_id, since)
        self._read_until = until
        begin, until = self._read_again_until or max(since, until - LATE_AFTER), until - LATE_AFTER
        if until > begin:
            found += self._between(begin, until, champion, run_id, since)
        self._read_again_until = max(begin, until)
        return found

    @property
    def losses(self) -> tuple[Floats, Floats]:
        """The losses of the champion and of the run in the shadow, each n values from 0 to 1."""
        both = np.concatenate(self._losses, axis=1) if self._losses else np.empty((2, 0))
        return both[0], both[1]

    def _between(self, begin: datetime, until: datetime, champion: str, run_id: str, since: datetime) -> int:
        sample = self._labels.labelled_between(begin, until, LABELS_AT_ONCE, champion)
        fresh = self._unseen([one for one in sample.predictions if one.made_at >= since])
        pairs = self._paired(run_id, fresh)
        self._add(pairs)
        self._seen |= {name for one in fresh for name in _names(one)}
        self.not_comparable += len(fresh) - len(pairs)
        return len(pairs)

    def _unseen(self, labelled: Sequence[Prediction]) -> list[Prediction]:
        found, names = [], set(self._seen)
        is_valid = np.isfinite(targets([one.label for one in labelled], self._contract)).tolist()
        for one, is_good in zip(labelled, is_valid, strict=True):
            if is_good and names.isdisjoint(_names(one)):
                found.append(one)
                names.update(_names(one))
        return found

    def _paired(self, run_id: str, fresh: Sequence[Prediction]) -> list[tuple[Prediction, ShadowScore]]:
        scores = self._store.scores(run_id, [one.id for one in fresh])
        if missing := [one for one in fresh if one.id not in scores]:
            self._healer.score(missing)
            scores |= self._store.scores(run_id, [one.id for one in missing])
        return [(one, scores[one.id]) for one in fresh if one.id in scores]

    def _add(self, pairs: Sequence[tuple[Prediction, ShadowScore]]) -> None:
        if not pairs:
            return
        target = targets([one.label for one, _ in pairs], self._contract)
        task = self._contract.table.task
        each = [scores_of([pair[at] for pair in pairs], self._contract) for at in (0, 1)]
        losses = [bounded_losses(task, target, scores, self._largest_error) for scores in each]
        # A score that is no number is as bad as any can be.
        self._losses.append(np.nan_to_num(np.stack(losses), nan=1.0))


def _names(prediction: Prediction) -> tuple[str, ...]:
    """By what a prediction is known: its id, and its business key if it has one."""
    return (prediction.id,) if prediction.business_key is None else (prediction.id, f"key {prediction.business_key}")
