"""The monitor: checks the store, and every table of the stack by its own newest predictions."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from monitoring.failures import Failures
from monitoring.run_snapshot import RunSnapshot
from monitoring.table_monitor import MonitoredTable, TableMonitor, TableSnapshot, WindowSize
from tabular.errors import TabularError
from tabular.ports.predictions import UNKNOWN_SOURCE, PredictionReader

COUNT_SHARE = 0.02
"""Counting every prediction costs the store a scan: done so rarely that it takes this share of the time."""


@dataclass(frozen=True)
class Snapshot:
    """Everything the gauges show, replaced as a whole; None is what is not known. Times are seconds since 1970.

    `tables` are those of the stack, by name. `by_source` counts the predictions stored, by table and source;
    `foreign` the documents in the store that no source of ours wrote, `unreadable` those that were read and are no
    predictions.
    """

    checked_at: float | None = None
    store_up: bool = False
    tables: Mapping[str, TableSnapshot] = field(default_factory=dict)
    by_source: Mapping[tuple[str, str], int] = field(default_factory=dict)
    foreign: int | None = None
    unreadable: int = 0

    @property
    def runs(self) -> Mapping[str, RunSnapshot]:
        """The runs that are monitored, of all tables, by id."""
        return {run_id: run for table in self.tables.values() for run_id, run in table.runs.items()}


class Monitor:
    """Checks the store again and again; a failure is counted, logged and survived."""

    def __init__(
        self,
        store: PredictionReader,
        tables: Sequence[MonitoredTable],
        window_rows: int,
        min_rows: int,
        sample_rows: int = 10_000,
        labelled_rows: int = 5_000,
    ) -> None:
        self._store = store
        window = WindowSize(window_rows, min_rows, sample_rows, labelled_rows)
        self._tables = [TableMonitor(store, table, window) for table in tables]
        self.failures = Failures()
        self._count_at = 0.0
        self.min_rows = min_rows
        self.snapshot = Snapshot()

    @property
    def errors(self) -> Counter[tuple[str, str]]:
        """The failed checks by what failed and the table, which is empty for the store's own."""
        scopes = [("", self.failures), *((table.name, table.failures) for table in self._tables)]
        return Counter({(reason, name): n for name, one in scopes for reason, n in one.counts.items()})

    def run(self, interval_seconds: float, stop: threading.Event) -> None:
        """Check at this interval until stopped."""
        while not stop.is_set():
            began = time.monotonic()
            self.check()
            stop.wait(max(0.0, interval_seconds - (time.monotonic() - began)))

    def check(self) -> None:
        """Check once: what each table's newest prediction is, then what is new, compared."""
        try:
            now = datetime.now(UTC)
            for table in self._tables:
                table.read(now)
            self._show(checked_at=time.time(), store_up=True, unreadable=self._store.unreadable)
            self._count()
            for table in self._tables:
                table.compare(now)
                table.raise_alarms(now)
                table.measure_quality(now)
                self._show()
        except Exception as error:  # noqa: BLE001 - a monitor that dies reports nothing
            self.failures.note("store", error)
            self._show(checked_at=time.time(), store_up=False)
        else:
            self.failures.forget()

    def _show(self, **changed: Any) -> None:
        tables = {table.name: table.snapshot for table in self._tables}
        self.snapshot = replace(self.snapshot, tables=tables, **changed)

    def _count(self) -> None:
        """Count by source if it is time to; a store too large to be counted is checked all the same."""
        if (began := time.monotonic()) < self._count_at:
            return
        try:
            counts = self._store.count_by_source()
            foreign = counts.pop(("", UNKNOWN_SOURCE), 0)
            self._show(by_source=counts, foreign=foreign)
        except TabularError as error:
            self.failures.note("count", error)
        # Only the scan is timed: with the first connection, or a slow registry, the next count came minutes later.
        self._count_at = (ended := time.monotonic()) + (ended - began) / COUNT_SHARE
