"""One run under watch: time is cut into blocks, each block is stored, and then added to the run's detectors.

A block is what came in MONITOR_BLOCK_SECONDS, or in as many times that as it takes to be enough rows. Blocks are kept
in the store: a monitor that is started again goes on where it was. What is stored so late that its block was closed
before, after an outage of the store for instance, is in no block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Generic

from monitoring.alarms.kinds import Alarm, Kind
from tabular.model.bundle import Bundle
from tabular.ports.blocks import AnyBlock, BlockStore
from tabular.predictions.sampling import Sample, of_contract
from tabular.quality.alarm.e_detector import EDetector

GRACE = 0.2
"""What belongs to a block reaches the store within this part of it; only then is the block closed."""


class Watch(ABC, Generic[AnyBlock]):
    """The detectors of one run, by kind of alarm, over blocks of one type; the first begins at `since`."""

    min_rows: int
    """How many rows a block has at least."""
    least_grace_seconds = 0.0
    """What belongs to a block may reach the store so much later than its time says, however short a block is."""

    def __init__(
        self, run_id: str, bundle: Bundle, store: BlockStore[AnyBlock], since: datetime, block_seconds: float
    ) -> None:
        self.run_id = run_id
        self.bundle = bundle
        self._store: BlockStore[AnyBlock] = store
        self._block_seconds = block_seconds
        self.until = self._floor(since)
        self._tried: datetime | None = None
        self._raised_at: dict[Kind, float] = {}
        self.detectors: Mapping[Kind, EDetector] = {}

    def restore(self, since: datetime) -> None:
        """Add the blocks of the store that begin at `since` or later; raises Unavailable."""
        for block in self._store.blocks(self.run_id, since):
            if block.bundle == self.bundle.digest and self.fits(block):
                self._add(block)

    def close_next(self, now: datetime) -> bool:
        """Store and add the next block that is at its end; False if there is none yet. Raises Unavailable."""
        grace = max(GRACE * self._block_seconds, self.least_grace_seconds)
        last = self._floor(now - timedelta(seconds=grace))
        soon = self.until + timedelta(seconds=self._block_seconds)
        if soon > last or last == self._tried:
            return False
        for until in sorted({soon, last}):
            sample = of_contract(self.read(self.until, until), self.bundle.contract.digest)
            if len(sample.predictions) >= self.min_rows and (block := self.block(sample, until)) is not None:
                self._store.save(block)
                self._add(block)
                return True
        self._tried = last
        return False

    def alarms(self) -> Mapping[Kind, Alarm]:
        """Each alarm as it stands."""
        return {kind: self._alarm(kind, detector) for kind, detector in self.detectors.items()}

    @abstractmethod
    def read(self, since: datetime, until: datetime) -> Sample:
        """What came in that time: all, or a uniform sample; raises Unavailable."""

    @abstractmethod
    def block(self, sample: Sample, until: datetime) -> AnyBlock | None:
        """The block from `self.until` on; None if the sample makes none."""

    @abstractmethod
    def fits(self, block: AnyBlock) -> bool:
        """True if a stored block can be added."""

    @abstractmethod
    def add(self, block: AnyBlock) -> None:
        """Add a block to the detectors."""

    def figures(self) -> Mapping[str, float]:
        """What the alarms are about, in figures."""
        return {}

    def _add(self, block: AnyBlock) -> None:
        before = {kind: detector.is_raised for kind, detector in self.detectors.items()}
        self.add(block)
        self.until = block.until
        for kind, detector in self.detectors.items():
            if detector.is_raised and not before[kind]:
                self._raised_at[kind] = block.until.timestamp()

    def _alarm(self, kind: Kind, detector: EDetector) -> Alarm:
        return Alarm(
            evidence=detector.evidence,
            raised_at=self._raised_at[kind] if detector.is_raised else None,
            blocks=detector.blocks,
            until=self.until.timestamp(),
            by_feature=detector.evidence_by_feature(),
            figures=self.figures(),
        )

    def _floor(self, moment: datetime) -> datetime:
        seconds = moment.timestamp() // self._block_seconds * self._block_seconds
        return datetime.fromtimestamp(seconds, UTC)
