"""The alarms of each run: its predictions are cut into blocks, and each block is added to the run's detectors.

A block is what a run predicted in MONITOR_BLOCK_SECONDS, or in as many times that as it takes to have BLOCK_MIN_ROWS.
Blocks are kept in the store: a monitor that is started again goes on where it was. What is stored so late that its
block was closed before, after an outage of the store for instance, is in no block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from tabular.model.bundle import REFERENCE_SCORE, Bundle
from tabular.ports.blocks import BlockStore
from tabular.ports.predictions import PredictionReader
from tabular.predictions.block import Block
from tabular.predictions.sampling import Sample, of_contract
from tabular.predictions.window import window_frame
from tabular.quality.alarm.detector import Detector
from tabular.quality.alarm.shares import OF_PREDICTIONS, WatchedShares

Kind = Literal["drift", "score"]
KINDS: tuple[Kind, ...] = ("drift", "score")

BLOCK_MIN_ROWS, BLOCK_MAX_ROWS = 100, 1_000
GRACE = 0.2
"""A prediction reaches the store within this part of a block; only then is the block closed."""
MAX_BLOCKS_A_CHECK = 20
"""After an outage the monitor catches up in so large steps, so that its gauges go on."""
FALSE_ALARM_DAYS = 30
"""Without any change, a run has one alarm of whichever kind in so many days, at most and on average."""
MEMORY_DAYS = 30


@dataclass(frozen=True)
class Alarm:
    """One alarm as it stands: raised at `evidence` 1, since when (seconds since 1970; None: it is not raised)."""

    evidence: float
    raised_at: float | None
    by_feature: Mapping[str, float]


@dataclass(frozen=True)
class RunAlarms:
    """The alarms of a run, and how many blocks they rest on."""

    blocks: int
    alarms: Mapping[Kind, Alarm]


class Alarms:
    """Closes blocks and keeps the detectors of each run that is monitored."""

    def __init__(self, predictions: PredictionReader, blocks: BlockStore[Block], block_seconds: float) -> None:
        self._predictions = predictions
        self._blocks = blocks
        self._block_seconds = block_seconds
        self._runs: dict[str, _Run] = {}

    def check(self, run_id: str, bundle: Bundle, oldest: datetime, now: datetime) -> RunAlarms:
        """The alarms of a run with what is new; `oldest` is where its first block begins. Raises Unavailable."""
        run = self._runs.get(run_id) or self._known(run_id, bundle, oldest, now)
        self._runs[run_id] = run
        for _ in range(MAX_BLOCKS_A_CHECK):
            if (block := self._next(run_id, run, now)) is None:
                break
            self._blocks.save(block)
            run.add(block)
        return run.alarms()

    def forget_all_but(self, run_ids: set[str]) -> None:
        """Keep nothing of runs that are no longer monitored: the store has their blocks."""
        self._runs = {run_id: run for run_id, run in self._runs.items() if run_id in run_ids}

    def _known(self, run_id: str, bundle: Bundle, oldest: datetime, now: datetime) -> _Run:
        run = _Run(bundle, self._floor(oldest), self._block_seconds)
        for block in self._blocks.blocks(run_id, now - timedelta(days=MEMORY_DAYS)):
            if block.bundle == bundle.digest and len(block.held) == len(run.shares.shares):
                run.add(block)
        return run

    def _next(self, run_id: str, run: _Run, now: datetime) -> Block | None:
        """The next block that is at its end; None if there is none yet."""
        last = self._floor(now - timedelta(seconds=GRACE * self._block_seconds))
        soon = run.until + timedelta(seconds=self._block_seconds)
        if soon > last or last == run.tried:
            return None
        for until in sorted({soon, last}):
            found = self._predictions.sample_between(run.until, until, BLOCK_MAX_ROWS, run_id)
            sample = of_contract(found, run.bundle.contract.digest)
            if len(sample.predictions) >= BLOCK_MIN_ROWS:
                return _block(run, sample, until)
        run.tried = last
        return None

    def _floor(self, moment: datetime) -> datetime:
        seconds = moment.timestamp() // self._block_seconds * self._block_seconds
        return datetime.fromtimestamp(seconds, UTC)


class _Run:
    """One run: its shares, a detector for each kind of alarm, and where its next block begins."""

    def __init__(self, bundle: Bundle, since: datetime, block_seconds: float) -> None:
        self.bundle = bundle
        self.until = since
        self.tried: datetime | None = None
        self.shares = WatchedShares(bundle.reference(), bundle.contract)
        is_score = np.array([feature in OF_PREDICTIONS for feature in self.shares.features], dtype=np.bool_)
        threshold = len(KINDS) * FALSE_ALARM_DAYS * 86_400 / block_seconds
        self._of = {"drift": np.flatnonzero(~is_score), "score": np.flatnonzero(is_score)}
        self._detectors = {kind: self._detector(self._of[kind], threshold) for kind in KINDS}
        self._raised_at: dict[Kind, float] = {}

    def _detector(self, at: np.ndarray[tuple[int], np.dtype[np.intp]], threshold: float) -> Detector:
        features = [self.shares.features[position] for position in at.tolist()]
        return Detector(features, self.shares.lowest[at], self.shares.highest[at], threshold)

    def add(self, block: Block) -> None:
        counted, held = np.array(block.counted, dtype=np.int64), np.array(block.held, dtype=np.int64)
        for kind, detector in self._detectors.items():
            was_raised = detector.is_raised
            detector.add(counted[self._of[kind]], held[self._of[kind]])
            if detector.is_raised and not was_raised:
                self._raised_at[kind] = block.until.timestamp()
        self.until = block.until

    def alarms(self) -> RunAlarms:
        found = {
            kind: Alarm(
                detector.evidence,
                self._raised_at[kind] if detector.is_raised else None,
                detector.evidence_by_feature(),
            )
            for kind, detector in self._detectors.items()
        }
        return RunAlarms(self._detectors["drift"].blocks, found)


def _block(run: _Run, sample: Sample, until: datetime) -> Block:
    frame = window_frame(sample.predictions, run.bundle.contract)
    counted, held = run.shares.count(frame)
    scores = frame[REFERENCE_SCORE].to_numpy()
    known = scores[np.isfinite(scores)]
    return Block(
        table=sample.predictions[0].table,
        run_id=sample.predictions[0].run_id,
        bundle=run.bundle.digest,
        since=run.until,
        until=until,
        rows=sample.rows,
        read_rows=len(sample.predictions),
        mean_score=float(known.mean()) if known.size else None,
        counted=tuple(counted.tolist()),
        held=tuple(held.tolist()),
    )
