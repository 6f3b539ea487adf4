"""What the monitor sees: the newest window of predictions, compared with the reference of the model that made them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from tabular.bundle import Bundle
from tabular.bundle_cache import BundleCache
from tabular.drift import Drift, compare
from tabular.errors import TabularError
from tabular.ports import Predictions
from tabular.sample import Sample
from tabular.window import window_frame

log = logging.getLogger(__name__)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DATES_EVERY_SECONDS = 60.0
COUNT_SHARE = 0.02
"""Counting every prediction costs the store a scan: done so rarely that it takes this share of the time."""

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Window:
    """The newest predictions of the newest run, told without its model; times are seconds since 1970.

    Of a window that was sampled, `rows` and the counts are scaled up from the `read_rows` that were read, and `error`
    is the most by which a share of it may be off.
    """

    run_id: str
    rows: int
    read_rows: int
    error: float
    newest_at: float
    oldest_at: float
    mean_score: float
    score_quantiles: Mapping[float, float]
    missing: Counts
    unseen: Counts
    out_of_range: Counts


@dataclass(frozen=True)
class Sight:
    """Everything the gauges show, replaced as a whole; None is what is not known. Times are seconds since 1970."""

    looked_at: float | None = None
    store_up: bool = False
    model_up: bool | None = None
    window: Window | None = None
    drift: Drift | None = None
    bundle: Bundle | None = None
    computed_at: float | None = None
    computation_seconds: float | None = None
    reported_at: float | None = None
    trained_at: float | None = None
    by_door: Counts = field(default_factory=dict)
    unreadable: int = 0


class Monitor:
    """Looks at the store again and again; a failure is counted, logged and survived."""

    def __init__(
        self,
        store: Predictions,
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
        self._sample_rows = sample_rows
        self.min_rows = min_rows
        self.sight = Sight()
        self.errors: Counter[str] = Counter()
        self._seen: str | None = None
        self._count_at = 0.0
        self._dates_at = 0.0
        self._last_failure = ""

    def watch(self, interval_seconds: float, stop: threading.Event) -> None:
        """Look at this interval until stopped."""
        while not stop.is_set():
            began = time.monotonic()
            self.look()
            stop.wait(max(0.0, interval_seconds - (time.monotonic() - began)))

    def look(self) -> None:
        """Look once; computes only if there are predictions it has not seen."""
        stage = "store"
        try:
            newest = self._store.latest(1)
            self.sight = replace(self.sight, looked_at=time.time(), store_up=True, unreadable=self._store.unreadable)
            self._ask_dates()
            self._count()
            if not newest or newest[0].id == self._seen:
                return
            window = self._store.sample_latest(self._window_rows, self._sample_rows, newest[0].run_id)
            stage = "model"
            bundle = self._bundle(newest[0].run_id, window)
            stage = "comparison"
            self._compare(window, bundle)
            self._seen = newest[0].id
            self._last_failure = ""
        except Exception as error:  # noqa: BLE001 - a monitor that dies watches nothing
            self._failed(stage, error)

    def _ask_dates(self) -> None:
        if time.monotonic() < self._dates_at:
            return
        if reports := self._store.reports(1):
            self.sight = replace(self.sight, reported_at=reports[0]["made_at"].timestamp())
        with suppress(TabularError):  # the registry may be away, or hold nothing yet: the last known stays
            self.sight = replace(self.sight, trained_at=self._trained_at())
        self._dates_at = time.monotonic() + DATES_EVERY_SECONDS

    def _count(self) -> None:
        """Count by door if it is time to; a store too large to be counted is watched all the same."""
        if (began := time.monotonic()) < self._count_at:
            return
        try:
            self.sight = replace(self.sight, by_door=self._store.count_by_door())
        except TabularError as error:
            self._failed("count", error)
        # Only the scan is timed: with the first connection, or a slow registry, the next count came minutes later.
        self._count_at = (ended := time.monotonic()) + (ended - began) / COUNT_SHARE

    def _bundle(self, run_id: str, window: Sample) -> Bundle:
        """The run's bundle; the window is shown even if this raises."""
        is_same_run = self.sight.window is not None and self.sight.window.run_id == run_id
        self.sight = replace(self.sight, window=told(window), drift=self.sight.drift if is_same_run else None)
        bundle = self.sight.bundle if is_same_run else None
        if bundle is None:
            self.sight = replace(self.sight, bundle=None)
            bundle = self._bundles.load(run_id)
        self.sight = replace(self.sight, bundle=bundle, model_up=True)
        return bundle

    def _compare(self, window: Sample, bundle: Bundle) -> None:
        began = time.perf_counter()
        current = window_frame(window.predictions, bundle.contract)
        outcome = compare(bundle.reference(), current, bundle.contract, self.min_rows)
        self.sight = replace(
            self.sight,
            drift=outcome if isinstance(outcome, Drift) else None,
            computed_at=time.time(),
            computation_seconds=time.perf_counter() - began,
        )

    def _failed(self, stage: str, error: Exception) -> None:
        self.errors[stage] += 1
        if stage == "store":
            self.sight = replace(self.sight, looked_at=time.time(), store_up=False)
        if stage == "model":
            self.sight = replace(self.sight, model_up=False)
        if (failure := f"{stage}: {error}") != self._last_failure:  # a store down for hours is one line, not thousands
            log.error("the %s failed, still watching: %s", stage, error, exc_info=not isinstance(error, TabularError))
        self._last_failure = failure


def told(sample: Sample) -> Window:
    """One window (newest first, not empty) in numbers; every feature is counted, also those with nothing to count."""
    predictions = sample.predictions
    none = dict.fromkeys(predictions[0].row, 0)
    scores = np.array([prediction.score for prediction in predictions], dtype=np.float64)
    known = scores[~np.isnan(scores)]
    quantiles = dict(zip(QUANTILES, np.quantile(known, QUANTILES).tolist(), strict=True)) if known.size else {}
    return Window(
        run_id=predictions[0].run_id,
        rows=sample.rows,
        read_rows=len(predictions),
        error=sample.error,
        newest_at=predictions[0].made_at.timestamp(),
        oldest_at=predictions[-1].made_at.timestamp(),
        mean_score=float(known.mean()) if known.size else float("nan"),
        score_quantiles=quantiles,
        missing=none | sample.counted(name for prediction in predictions for name in prediction.missing),
        unseen=none | sample.counted(name for prediction in predictions for name in prediction.unseen),
        out_of_range=none | sample.counted(name for prediction in predictions for name in prediction.out_of_range),
    )
