"""The alarm on quality: the mean bounded loss of a run's labelled predictions, against its bundle's held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from monitoring.alarms.kinds import Alarm, Kind, threshold
from monitoring.alarms.watch import Watch
from tabular.model.bundle import Bundle
from tabular.ports.blocks import BlockStore
from tabular.ports.predictions import PredictionReader
from tabular.predictions.loss_block import LossBlock
from tabular.predictions.sampling import Sample
from tabular.quality.alarm.loss_grid import GRID, counts_on_grid
from tabular.quality.alarm.risk import RiskDetector, reference_risk
from tabular.quality.bounded_loss import bounded_losses, largest_error
from tabular.quality.labelled.measured import measures_of
from tabular.quality.labelled.rows import LabelledRows, held_out, labelled_rows
from tabular.quality.metrics import Floats

BLOCK_MAX_ROWS = 10_000
"""Labels often come many at a time, out of one file: so many of a block are read, a uniform sample."""


class LabelWatch(Watch[LossBlock]):
    """A run's labelled predictions, in the order in which their labels came."""

    min_rows = 1
    least_grace_seconds = 3.0  # a bulk of labels bears the time at which its writing began

    def __init__(
        self,
        run_id: str,
        bundle: Bundle,
        stores: tuple[PredictionReader, BlockStore[LossBlock]],
        since: datetime,
        block_seconds: float,
    ) -> None:
        self._predictions, blocks = stores
        super().__init__(run_id, bundle, blocks, since, block_seconds)
        self._largest_error = largest_error(bundle.contract.table.task, bundle.metrics)
        self._risk = reference_risk(self._losses(held_out(bundle.reference(), bundle.contract)))
        self._detector = RiskDetector(self._risk.limit, threshold(block_seconds))
        self.detectors = {"quality": self._detector}
        self._rows = 0
        self._mean_loss = 0.0

    def read(self, since: datetime, until: datetime) -> Sample:
        """By `labelled_at`."""
        return self._predictions.labelled_between(since, until, BLOCK_MAX_ROWS, self.run_id)

    def block(self, sample: Sample, until: datetime) -> LossBlock | None:
        """The losses of the sample; None if no label of it can be read."""
        rows = labelled_rows(sample.predictions, self.bundle.contract)
        if not len(rows):
            return None
        losses = self._losses(rows)
        return LossBlock(
            table=sample.predictions[0].table,
            run_id=self.run_id,
            bundle=self.bundle.digest,
            since=self.until,
            until=until,
            rows=sample.scaled(len(rows)),
            read_rows=len(rows),
            mean_loss=float(losses.mean()),
            counts=tuple(counts_on_grid(losses).tolist()),
            measures={name: float(one.value) for name, one in measures_of(rows, self.bundle.contract).items()},
        )

    def fits(self, block: LossBlock) -> bool:
        """True if its losses are on the grid."""
        return len(block.counts) == len(GRID)

    def add(self, block: LossBlock) -> None:
        """Add the losses."""
        self._detector.add(block.counts)
        self._rows += block.rows
        self._mean_loss = block.mean_loss

    def alarms(self) -> Mapping[Kind, Alarm]:
        """None before the first label: without labels nothing is known of quality, which is not to say it is good."""
        return super().alarms() if self._detector.blocks else {}

    def figures(self) -> Mapping[str, float]:
        """The mean loss of the newest block, what it is beside, and how many labels there were in all."""
        return {
            "mean_loss": self._mean_loss,
            "reference_mean_loss": self._risk.mean,
            "highest_mean_loss": self._risk.limit,
            "labelled_predictions": float(self._rows),
        }

    def _losses(self, rows: LabelledRows) -> Floats:
        return bounded_losses(self.bundle.contract.table.task, rows.target, rows.scores, self._largest_error)
