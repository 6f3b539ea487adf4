"""The measured quality of each run: its newest labelled predictions beside the held-out rows of its bundle."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from tabular.model.bundle import Bundle
from tabular.ports.predictions import PredictionReader
from tabular.predictions.prediction import Prediction
from tabular.quality.labelled.measured import MeasuredQuality, measured_quality
from tabular.quality.labelled.rows import held_out, labelled_rows

READING_SHARE = 0.02
"""A store without an index of labels reads all of its predictions to find some: so rarely that it takes this share."""


@dataclass(frozen=True)
class RunQuality:
    """What the newest labelled predictions of a run give, and what its bundle's held-out rows gave.

    `newest_label_at` is when the last of them got its label, in seconds since 1970.
    """

    measured: MeasuredQuality
    reference: MeasuredQuality
    newest_label_at: float


class LiveQuality:
    """Measures the `rows` newest labelled predictions of a run, again only when there are new labels."""

    def __init__(self, store: PredictionReader, rows: int) -> None:
        self._store = store
        self._rows = rows
        self._known: dict[str, RunQuality] = {}
        self._newest: dict[str, tuple[str, datetime | None]] = {}
        self._read_at = 0.0

    @property
    def is_due(self) -> bool:
        """True if the labels are to be read again by now."""
        return time.monotonic() >= self._read_at

    def check(self, run_id: str, bundle: Bundle, now: datetime) -> RunQuality | None:
        """The quality of a run; None while it has no label. Raises Unavailable."""
        began = time.monotonic()
        newest = self._store.labelled_latest(1, run_id, now)
        if newest and self._newest.get(run_id) != _identity(newest[0]):
            found = self._store.labelled_latest(self._rows, run_id, now)
            self._known[run_id] = self._measured(run_id, bundle, found)
            self._newest[run_id] = _identity(newest[0])
        ended = time.monotonic()
        self._read_at = max(self._read_at, ended + (ended - began) / READING_SHARE)
        return self._known.get(run_id)

    def forget_all_but(self, run_ids: set[str]) -> None:
        """Keep nothing of runs that are no longer monitored."""
        self._known = {run_id: one for run_id, one in self._known.items() if run_id in run_ids}
        self._newest = {run_id: one for run_id, one in self._newest.items() if run_id in run_ids}

    def _measured(self, run_id: str, bundle: Bundle, newest: list[Prediction]) -> RunQuality:
        contract, known = bundle.contract, self._known.get(run_id)
        ours = [prediction for prediction in newest if prediction.contract == contract.digest]
        rows, (labelled_at, *_) = labelled_rows(ours, contract), [one.labelled_at for one in newest]
        reference = known.reference if known else measured_quality(held_out(bundle.reference(), contract), contract)
        return RunQuality(measured_quality(rows, contract), reference, labelled_at.timestamp() if labelled_at else 0.0)


def _identity(prediction: Prediction) -> tuple[str, datetime | None]:
    return prediction.id, prediction.labelled_at
