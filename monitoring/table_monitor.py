"""The monitor of one table: the newest predictions of each of its runs beside the reference of the run's own model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitoring.alarms.alarms import Alarms
from monitoring.estimates import QualityEstimates
from monitoring.failures import Failures
from monitoring.quality import LiveQuality
from monitoring.run_snapshot import RunSnapshot, compared, fit, summary
from tabular.errors import TabularError
from tabular.model.bundle_cache import BundleCache
from tabular.ports.predictions import PredictionReader
from tabular.predictions.sampling import enough_for

TIMESTAMPS_EVERY_SECONDS = 60.0
MAX_RUNS = 4
"""Runs of a table that are monitored at once, those with the most predictions: each costs a comparison, and labels."""
RUN_ROWS = 1_000
"""Predictions of the window that are read to find which runs predicted."""
CLOCK_TOLERANCE_SECONDS = 60.0
"""Clocks differ by less: what is dated further in the future is counted."""
MAX_FUTURE = 1_000


@dataclass(frozen=True)
class MonitoredTable:
    """A table of the stack: its name, its bundles, its alarms, and what tells when a training of it last completed."""

    name: str
    bundles: BundleCache
    alarms: Alarms
    trained_at: Callable[[], float | None] = lambda: None


@dataclass(frozen=True)
class WindowSize:
    """How many of a run's newest predictions are compared, how many are needed, and how many are read at most.

    `labelled_rows` is how many of its newest labelled ones quality is measured on.
    """

    rows: int
    min_rows: int
    sample_rows: int
    labelled_rows: int


@dataclass(frozen=True)
class TableSnapshot:
    """What the gauges show of one table; None is what is not known. Times are seconds since 1970.

    `runs` are those that predicted in the table's window and are monitored, by id; `runs_not_monitored` counts the
    others; `future` counts what is dated in the future.
    """

    runs: Mapping[str, RunSnapshot] = field(default_factory=dict)
    runs_not_monitored: int = 0
    newest_at: float | None = None
    future: int = 0
    reported_at: float | None = None
    trained_at: float | None = None


class TableMonitor:
    """Checks one table again and again. Each table has a window of its own: a busy one does not hide a quiet one."""

    def __init__(self, store: PredictionReader, table: MonitoredTable, window: WindowSize) -> None:
        self.name = table.name
        self.snapshot = TableSnapshot()
        self.failures = Failures()
        self._store = store
        self._bundles = table.bundles
        self._alarms = table.alarms
        self._estimates = QualityEstimates(window.min_rows)
        self._quality = LiveQuality(store, window.labelled_rows)
        self._trained_at = table.trained_at
        self._window = window
        self._sample_rows = enough_for(window.min_rows, window.sample_rows)
        self._newest_id: str | None = None
        self._compared_id: str | None = None
        self._timestamps_at = 0.0

    def read(self, now: datetime) -> None:
        """Read which prediction is the newest, and the timestamps if it is time to; raises Unavailable.

        What is dated in the future is left out until then: else it would stay the newest, and hide all that follow.
        """
        newest = self._store.latest(1, until=now, table=self.name)
        ahead = now + timedelta(seconds=CLOCK_TOLERANCE_SECONDS)
        self._newest_id = newest[0].id if newest else None
        self.snapshot = replace(
            self.snapshot,
            newest_at=newest[0].made_at.timestamp() if newest else None,
            future=self._store.count_since(ahead, MAX_FUTURE, self.name),
        )
        self._read_timestamps()

    def compare(self, now: datetime) -> None:
        """Compare every run that predicted in the window, if there are new predictions; raises Unavailable.

        If one run fails, the others are compared all the same.
        """
        if self._newest_id is None or self._newest_id == self._compared_id:
            return
        predicted = self._store.runs(None, now, RUN_ROWS, self._window.rows, self.name)
        monitored = [run_id for run_id, _ in predicted.most_common(MAX_RUNS)]
        failures = self.failures.counts.total()
        runs = {run_id: snapshot for run_id in monitored if (snapshot := self._compare_run(run_id, now)) is not None}
        self.snapshot = replace(self.snapshot, runs=runs, runs_not_monitored=len(predicted) - len(monitored))
        if self.failures.counts.total() == failures:
            self._compared_id = self._newest_id
            self.failures.forget()

    def raise_alarms(self, now: datetime) -> None:
        """Close the blocks of every run that are at their end: so too where no prediction comes any more."""
        runs = dict(self.snapshot.runs)
        if not runs:
            return  # before the first prediction is read nothing is known of any run
        self._forget_alarms_of_others(set(runs), now)
        for run_id, run in runs.items():
            if run.bundle is None or run.window.oldest_at is None:
                continue
            try:
                oldest = datetime.fromtimestamp(run.window.oldest_at, UTC)
                runs[run_id] = replace(run, alarms=self._alarms.check(run_id, run.bundle, oldest, now))
            except Exception as error:  # noqa: BLE001 - as below
                self.failures.note("alarm", error, f"run {run_id} of {self.name}")
        self.snapshot = replace(self.snapshot, runs=runs)

    def _forget_alarms_of_others(self, run_ids: set[str], now: datetime) -> None:
        try:
            self._alarms.forget_all_but(run_ids, now)
        except TabularError as error:
            self.failures.note("alarm", error, f"runs of {self.name} that are no longer monitored")

    def measure_quality(self, now: datetime) -> None:
        """Measure every run on its newest labelled predictions, if it is time to read them again."""
        for known in (self._quality, self._estimates):
            known.forget_all_but({*self.snapshot.runs})
        if not self._quality.is_due:
            return
        runs = dict(self.snapshot.runs)
        for run_id, run in runs.items():
            if run.bundle is None:
                continue
            try:
                runs[run_id] = replace(run, quality=self._quality.check(run_id, run.bundle, now))
            except Exception as error:  # noqa: BLE001 - as below
                self.failures.note("quality", error, f"run {run_id} of {self.name}")
        self.snapshot = replace(self.snapshot, runs=runs)

    def _compare_run(self, run_id: str, now: datetime) -> RunSnapshot | None:
        """The snapshot of a run; its window, though its model or the comparison fails; None if it has no documents."""
        sample = self._store.sample_latest(self._window.rows, self._sample_rows, run_id, now)
        if not sample.predictions and not sample.left_out:
            return None
        known, bundle = self.snapshot.runs.get(run_id), None
        try:
            bundle = known.bundle if known is not None and known.bundle is not None else self._bundles.load(run_id)
        except Exception as error:  # noqa: BLE001 - a bundle can be broken in any way
            self.failures.note("model", error, f"run {run_id} of {self.name}")
        try:
            if bundle is None:
                return RunSnapshot(summary(sample, None), model_up=False)
            sample = fit(sample, bundle)
            last = known or RunSnapshot(summary(sample, bundle))
            known = replace(last, window=summary(sample, bundle), model_up=True, bundle=bundle)
            known = replace(known, comparison=compared(sample, bundle, self._window.min_rows))
            return replace(known, estimates=self._estimates.of(run_id, bundle, sample.predictions))
        except Exception as error:  # noqa: BLE001 - as above
            self.failures.note("comparison", error, f"run {run_id} of {self.name}")
            return known

    def _read_timestamps(self) -> None:
        if time.monotonic() < self._timestamps_at:
            return
        if reports := self._store.reports(1, self.name):
            self.snapshot = replace(self.snapshot, reported_at=reports[0]["made_at"].timestamp())
        with suppress(TabularError):  # the registry may be away, or hold nothing yet: the last known stays
            self.snapshot = replace(self.snapshot, trained_at=self._trained_at())
        self._timestamps_at = time.monotonic() + TIMESTAMPS_EVERY_SECONDS
