"""The use-case both doors share: rows in, predictions out, always by one verified bundle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np

from tabular.bundle import Bundle, Range
from tabular.bundle_cache import BundleCache
from tabular.errors import TabularError
from tabular.forest import Forest, checked_forest
from tabular.prediction import Door, Prediction
from tabular.row import Row, matrix

log = logging.getLogger(__name__)

WALKED_ROWS = 50  # from about 70 rows on XGBoost itself is faster (docs/decisions/hotpath.md)


@dataclass(frozen=True)
class Model:
    """A run and its bundle, ready to answer. Immutable: a new champion is a new Model.

    `forest` scores few rows faster than the bundle's booster does, and the same to the bit; without it all works.
    """

    run_id: str
    bundle: Bundle
    forest: Forest | None = None

    def predict(self, rows: Sequence[Row], ids: Sequence[str], door: Door) -> list[Prediction]:
        """Score rows (of this bundle's codec) in one vectorised call; one prediction a row, in order."""
        made_at = datetime.now(UTC)
        return [
            self._prediction(row, prediction_id, door, made_at, score, outside)
            for row, prediction_id, score, outside in zip(
                rows, ids, self._scores(rows), self._all_out_of_range(rows), strict=True
            )
        ]

    def _scores(self, rows: Sequence[Row]) -> list[Any]:
        if self.forest is not None and len(rows) <= WALKED_ROWS:
            try:
                return [self.forest.one(row.codes) for row in rows]
            except OverflowError:  # a number beyond single precision: XGBoost knows what that is
                pass
        scores: list[Any] = self.bundle.predict(matrix(rows)).tolist()
        return scores

    def _prediction(
        self,
        row: Row,
        prediction_id: str,
        door: Door,
        made_at: datetime,
        score: float | list[float],
        out_of_range: tuple[str, ...],
    ) -> Prediction:
        chances, winner = None, None
        if isinstance(score, list):
            chances = dict(zip(self.bundle.contract.target.classes, score, strict=True))
            winner = max(chances, key=chances.__getitem__)
            score = chances[winner]
        return Prediction(
            id=prediction_id,
            made_at=made_at,
            run_id=self.run_id,
            contract=self.bundle.contract.digest,
            door=door,
            row=dict(zip(self.bundle.contract.feature_names, row.values, strict=True)),
            score=score,
            chances=chances,
            predicted_class=winner,
            unseen=row.unseen,
            out_of_range=out_of_range,
            warnings=self._warnings(row, out_of_range) if row.unseen or out_of_range else (),
        )

    @cached_property
    def _trained_ranges(self) -> list[tuple[int, str, Range]]:
        names = self.bundle.contract.feature_names
        return [(names.index(name), name, bounds) for name, bounds in self.bundle.profile.items()]

    def _all_out_of_range(self, rows: Sequence[Row]) -> Iterable[tuple[str, ...]]:
        if len(rows) <= WALKED_ROWS:
            return map(self._out_of_range, rows)
        # A whole column is in its range if its ends are, and most are: fmin and fmax pass missing values by.
        values = np.array([row.codes for row in rows])
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if all(not (low[at] < bounds[0] or high[at] > bounds[1]) for at, _, bounds in self._trained_ranges):
            return repeat((), len(rows))
        return map(self._out_of_range, rows)

    def _out_of_range(self, row: Row) -> tuple[str, ...]:
        # A missing value is NaN: it is neither below nor above.
        return tuple(
            name for at, name, (low, high) in self._trained_ranges if row.codes[at] < low or row.codes[at] > high
        )

    def _warnings(self, row: Row, out_of_range: Sequence[str]) -> tuple[str, ...]:
        values = dict(zip(self.bundle.contract.feature_names, row.values, strict=True))
        unseen = [f"{name}: {values[name]!r} is not a known value, so it was treated as missing" for name in row.unseen]
        outside = [
            f"{name}: {values[name]} is outside the range the model was trained on, "
            f"{self.bundle.profile[name][0]:g} to {self.bundle.profile[name][1]:g}"
            for name in out_of_range
        ]
        return (*unseen, *outside)


def ready_model(run_id: str, bundle: Bundle) -> Model:
    """A model with its forest, where this machine and its kind allow one; logs why where not."""
    golden = matrix([bundle.codec.parse(each.record) for each in bundle.golden])
    return Model(run_id, bundle, checked_forest(bundle.booster, golden))


class Predictor:
    """Holds the model that answers now; `refresh` follows the champion when no run is pinned."""

    def __init__(self, cache: BundleCache, run_id: str) -> None:
        self._cache = cache
        self._pinned = run_id
        self.model = self._load(run_id or cache.champion())

    def refresh(self) -> bool:
        """Take up a new champion if there is one; a failure keeps the present model. Returns True after a change."""
        if self._pinned:
            return False
        try:
            run_id = self._cache.champion()
            if run_id == self.model.run_id:
                return False
            self.model = self._load(run_id)
        except TabularError as error:
            log.error("staying with run %s: %s", self.model.run_id, error)
            return False
        return True

    def follow(self, interval_seconds: float, stop: threading.Event) -> None:
        """Refresh at this interval until stopped; meant for a background thread."""
        while not stop.wait(interval_seconds):
            self.refresh()

    def _load(self, run_id: str) -> Model:
        model = ready_model(run_id, self._cache.load(run_id))
        log.info("serving run %s, bundle %s", run_id, model.bundle.digest[:12])
        return model
