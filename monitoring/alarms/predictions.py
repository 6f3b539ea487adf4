"""The alarms on drift and on what is predicted: shares of the rows of a run, against those of its reference."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

import numpy as np

from monitoring.alarms.kinds import Kind, threshold
from monitoring.alarms.watch import Watch
from monitoring.estimates import QualityEstimates
from tabular.model.bundle import REFERENCE_SCORE, Bundle
from tabular.ports.blocks import BlockStore
from tabular.ports.predictions import PredictionReader
from tabular.predictions.block import Block
from tabular.predictions.sampling import Sample
from tabular.predictions.window import window_frame
from tabular.quality.alarm.detector import Detector
from tabular.quality.alarm.shares import OF_PREDICTIONS, Counts, WatchedShares

log = logging.getLogger(__name__)

BLOCK_MIN_ROWS, BLOCK_MAX_ROWS = 100, 1_000


class PredictionWatch(Watch[Block]):
    """A run's predictions, in the order in which they were made."""

    min_rows = BLOCK_MIN_ROWS

    def __init__(
        self,
        run_id: str,
        bundle: Bundle,
        stores: tuple[PredictionReader, BlockStore[Block]],
        since: datetime,
        block_seconds: float,
    ) -> None:
        self._predictions, blocks = stores
        super().__init__(run_id, bundle, blocks, since, block_seconds)
        self._shares = WatchedShares(bundle.reference(), bundle.contract)
        is_score = np.array([feature in OF_PREDICTIONS for feature in self._shares.features], dtype=np.bool_)
        self._of: Mapping[Kind, np.ndarray[tuple[int], np.dtype[np.intp]]] = {
            "drift": np.flatnonzero(~is_score),
            "score": np.flatnonzero(is_score),
        }
        self._estimates = QualityEstimates(BLOCK_MIN_ROWS)
        self._detectors = {kind: self._detector(at, threshold(block_seconds)) for kind, at in self._of.items()}
        self.detectors = self._detectors

    def read(self, since: datetime, until: datetime) -> Sample:
        """By `made_at`."""
        return self._predictions.sample_between(since, until, BLOCK_MAX_ROWS, self.run_id)

    def block(self, sample: Sample, until: datetime) -> Block:
        """The shares of the sample."""
        frame = window_frame(sample.predictions, self.bundle.contract)
        counted, held = self._shares.count(frame)
        scores = frame[REFERENCE_SCORE].to_numpy()
        known = scores[np.isfinite(scores)]
        distance, feature = self._most_moved(counted, held)
        return Block(
            table=sample.predictions[0].table,
            run_id=self.run_id,
            bundle=self.bundle.digest,
            since=self.until,
            until=until,
            rows=sample.rows,
            read_rows=len(sample.predictions),
            mean_score=float(known.mean()) if known.size else None,
            counted=tuple(counted.tolist()),
            held=tuple(held.tolist()),
            distance=distance,
            feature=feature,
            estimates=self._estimated(sample),
        )

    def _estimated(self, sample: Sample) -> dict[str, float]:
        try:
            found = self._estimates.of(self.run_id, self.bundle, sample.predictions)
        except Exception:
            log.exception("no estimate of the quality of a block of the run %s", self.run_id)
            return {}  # what is only shown must not stop the alarms
        return {name: float(one.value) for name, one in found.items()}

    def _most_moved(self, counted: Counts, held: Counts) -> tuple[float | None, str | None]:
        """How far the share of an input is from the reference's that is furthest from it, and that input."""
        at = self._of["drift"][counted[self._of["drift"]] > 0]
        if not at.size:
            return None, None
        distances = np.abs(held[at] / counted[at] - self._shares.reference[at])
        furthest = int(distances.argmax())
        return float(distances[furthest]), self._shares.features[int(at[furthest])]

    def fits(self, block: Block) -> bool:
        """True if it counts as many shares as are watched."""
        return len(block.held) == len(self._shares.shares)

    def add(self, block: Block) -> None:
        """Add the counts of each kind's shares."""
        counted, held = np.array(block.counted, dtype=np.int64), np.array(block.held, dtype=np.int64)
        for kind, detector in self._detectors.items():
            detector.add(counted[self._of[kind]], held[self._of[kind]])

    def _detector(self, at: np.ndarray[tuple[int], np.dtype[np.intp]], blocks: float) -> Detector:
        features = [self._shares.features[position] for position in at.tolist()]
        return Detector(features, self._shares.lowest[at], self._shares.highest[at], blocks)
