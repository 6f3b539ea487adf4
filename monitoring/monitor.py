"""The monitor: compares the newest predictions of every run that predicts with the reference of its own model."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from monitoring.run_snapshot import RunSnapshot, compared, fit, summary
from tabular.errors import TabularError
from tabular.model.bundle_cache import BundleCache
from tabular.ports.predictions import UNKNOWN_SOURCE, PredictionReader
from tabular.predictions.sampling import enough_for

log = logging.getLogger(__name__)

TIMESTAMPS_EVERY_SECONDS = 60.0
COUNT_SHARE = 0.02
"""Counting every prediction costs the store a scan: done so rarely that it takes this share of the time."""
MAX_RUNS = 4
"""Runs that are monitored at once, those with the most predictions: each costs a comparison, and labels."""
RUN_ROWS = 1_000
"""Predictions of the window that are read to find which runs predicted."""
CLOCK_TOLERANCE_SECONDS = 60.0
"""Clocks differ by less: what is dated further in the future is counted."""
MAX_FUTURE = 1_000


@dataclass(frozen=True)
class Snapshot:
    """Everything the gauges show, replaced as a whole; None is what is not known. Times are seconds since 1970.

    `runs` are those that predicted in the window and are monitored, by id; `runs_not_monitored` counts the others.
    `by_source` counts the predictions stored, by table and source; `future` what is dated in the future, `foreign` the
    documents in the store that no source of ours wrote, `unreadable` those that were read and are no predictions.
    """

    checked_at: float | None = None
    store_up: bool = False
    runs: Mapping[str, RunSnapshot] = field(default_factory=dict)
    runs_not_monitored: int = 0
    newest_at: float | None = None
    future: int = 0
    reported_at: float | None = None
    trained_at: float | None = None
    by_source: Mapping[tuple[str, str], int] = field(default_factory=dict)
    foreign: int | None = None
    unreadable: int = 0


class Monitor:
    """Checks the store again and again; a failure is counted, logged and survived."""

    def __init__(
        self,
        store: PredictionReader,
        bundles: BundleCache,
        window_rows: int,
        min_rows: int,
        trained_at: Callable[[], float | None] = lambda: None,
        sample_rows: int = 10_000,
    ) -> None:
        self._store = store
        self._bundles = bundles
        self._trained_at = trained_at
        self._window_rows = window_rows
        self._sample_rows = enough_for(min_rows, sample_rows)
        self.min_rows = min_rows
        self.snapshot = Snapshot()
        self.errors: Counter[str] = Counter()
        self._newest_id: str | None = None
        self._count_at = 0.0
        self._timestamps_at = 0.0
        self._last_failures: dict[str, str] = {}

    def run(self, interval_seconds: float, stop: threading.Event) -> None:
        """Check at this interval until stopped."""
        while not stop.is_set():
            began = time.monotonic()
            self.check()
            stop.wait(max(0.0, interval_seconds - (time.monotonic() - began)))

    def check(self) -> None:
        """Check once; compares only if there are new predictions.

        What is dated in the future is left out until then: else it would stay the newest, and hide all that follow.
        """
        try:
            now = datetime.now(UTC)
            newest = self._store.latest(1, until=now)
            self.snapshot = replace(
                self.snapshot,
                checked_at=time.time(),
                store_up=True,
                unreadable=self._store.unreadable,
                future=self._store.count_since(now + timedelta(seconds=CLOCK_TOLERANCE_SECONDS), MAX_FUTURE),
                newest_at=newest[0].made_at.timestamp() if newest else None,
            )
            self._read_timestamps()
            self._count()
            if newest and newest[0].id != self._newest_id:
                self._check_runs(now, newest[0].id)
        except Exception as error:  # noqa: BLE001 - a monitor that dies reports nothing
            self._failed("store", error)

    def _check_runs(self, now: datetime, newest_id: str) -> None:
        """Check every run that predicted in the window; if one fails, the others are checked all the same."""
        predicted = self._store.runs(None, now, RUN_ROWS, self._window_rows)
        monitored = [run_id for run_id, _ in predicted.most_common(MAX_RUNS)]
        failures = self.errors.total()
        runs = {run_id: snapshot for run_id in monitored if (snapshot := self._check_run(run_id, now)) is not None}
        self.snapshot = replace(self.snapshot, runs=runs, runs_not_monitored=len(predicted) - len(monitored))
        if self.errors.total() == failures:
            self._newest_id, self._last_failures = newest_id, {}

    def _check_run(self, run_id: str, now: datetime) -> RunSnapshot | None:
        """The snapshot of a run; its window, though its model or the comparison fails; None if it has no documents."""
        sample = self._store.sample_latest(self._window_rows, self._sample_rows, run_id, now)
        if not sample.predictions and not sample.left_out:
            return None
        known, bundle = self.snapshot.runs.get(run_id), None
        try:
            bundle = known.bundle if known is not None and known.bundle is not None else self._bundles.load(run_id)
        except Exception as error:  # noqa: BLE001 - a bundle can be broken in any way
            self._failed("model", error, run_id)
        try:
            if bundle is None:
                return RunSnapshot(summary(sample, None), model_up=False)
            sample = fit(sample, bundle)
            last = known.comparison if known is not None else None
            known = RunSnapshot(summary(sample, bundle), model_up=True, bundle=bundle, comparison=last)
            return replace(known, comparison=compared(sample, bundle, self.min_rows))
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("comparison", error, run_id)
            return known

    def _read_timestamps(self) -> None:
        if time.monotonic() < self._timestamps_at:
            return
        if reports := self._store.reports(1):
            self.snapshot = replace(self.snapshot, reported_at=reports[0]["made_at"].timestamp())
        with suppress(TabularError):  # the registry may be away, or hold nothing yet: the last known stays
            self.snapshot = replace(self.snapshot, trained_at=self._trained_at())
        self._timestamps_at = time.monotonic() + TIMESTAMPS_EVERY_SECONDS

    def _count(self) -> None:
        """Count by source if it is time to; a store too large to be counted is checked all the same."""
        if (began := time.monotonic()) < self._count_at:
            return
        try:
            counts = self._store.count_by_source()
            foreign = counts.pop(("", UNKNOWN_SOURCE), 0)
            self.snapshot = replace(self.snapshot, by_source=counts, foreign=foreign)
        except TabularError as error:
            self._failed("count", error)
        # Only the scan is timed: with the first connection, or a slow registry, the next count came minutes later.
        self._count_at = (ended := time.monotonic()) + (ended - began) / COUNT_SHARE

    def _failed(self, stage: str, error: Exception, run_id: str = "") -> None:
        self.errors[stage] += 1
        if stage == "store":
            self.snapshot = replace(self.snapshot, checked_at=time.time(), store_up=False)
        of = f"the {stage} of run {run_id}" if run_id else f"the {stage}"
        if self._last_failures.get(of) != str(error):  # a store down for hours is one line, not thousands
            log.error("%s failed, still checking: %s", of, error, exc_info=not isinstance(error, TabularError))
        self._last_failures = {**dict(list(self._last_failures.items())[-MAX_RUNS:]), of: str(error)}
