"""Predictions of a report: which run made those of a time, a sample of them, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from reporting.comparison.rows import Rows, labels_in
from reporting.comparison.source import Source
from tabular.contract.types import Contract
from tabular.errors import InvalidSetting, NotFound
from tabular.model.bundle import Bundle
from tabular.model.bundle_cache import BundleCache
from tabular.ports.predictions import PredictionStore
from tabular.predictions.sampling import Sample, of_contract
from tabular.predictions.window import window_frame

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
RUN_ROWS = 1_000
"""Predictions that are read to find which run made those of a time."""
RUN_DIGITS = 8


@dataclass(frozen=True)
class PredictionsOf:
    """What reads the predictions of a table: at most `most` of each data set, up to `now`.

    Where nothing says since when, it is `hours` before the end.
    """

    table: str
    store: PredictionStore
    bundles: BundleCache
    now: datetime
    hours: float
    most: int

    def read(self, source: Source) -> ReadPredictions:
        """The predictions of a source, or a uniform sample of them, with the bundle of the run that made them.

        Raises NotFound if there are none, InvalidSetting for a run of another table, and what the store and the
        registry raise.
        """
        since, until = self.period(source)
        run_id = source.run or self._run_with_most(source, since, until)
        bundle = self.bundles.load(run_id)
        if bundle.contract.table.name != self.table:
            raise InvalidSetting(
                f"run={run_id} is of the table {bundle.contract.table.name}, not of {self.table}: give "
                f"table={bundle.contract.table.name}"
            )
        if source.last is not None:
            sample = self.store.sample_latest(source.last, self.most, run_id, until)
        else:
            sample = self.store.sample_between(since, until, self.most, run_id)
        sample = of_contract(sample, bundle.contract.digest)
        if not sample.predictions:
            raise NotFound(f"no prediction is stored {_named(source, since, until)} by the run {run_id}: {WHAT_HELPS}")
        period = None if source.last is not None or since == BEGINNING else (since, until)
        return ReadPredictions(_title(source, self.hours, run_id), run_id, bundle, sample, period)

    def period(self, source: Source) -> tuple[datetime, datetime]:
        """The times that bound the predictions of a source, whoever made them."""
        until = source.until or self.now
        is_bounded = source.since or source.last is not None or (source.run and not source.until)
        return source.since or (BEGINNING if is_bounded else until - timedelta(hours=self.hours)), until

    def _run_with_most(self, source: Source, since: datetime, until: datetime) -> str:
        found = self.store.runs(since, until, RUN_ROWS, source.last, table=self.table).most_common(1)
        if not found:
            where = _named(source, since, until)
            raise NotFound(f"no prediction of the table {self.table} is stored {where}: {WHAT_HELPS}")
        return found[0][0]


WHAT_HELPS = "name another time, by since=, until= or last=, or a run by run="


@dataclass(frozen=True)
class ReadPredictions:
    """Predictions of one run, newest first, its bundle, and the period that was asked for, if one was."""

    title: str
    run_id: str
    bundle: Bundle
    sample: Sample
    period: tuple[datetime, datetime] | None

    def rows(self, contract: Contract, slices: Sequence[str]) -> Rows:
        """Them as rows of a contract that has features of the same names, with what slices are called by."""
        found = self.sample.predictions
        raw = {name: pd.Series([one.row.get(name) for one in found], dtype=object) for name in slices}
        known = {name: raw[name] for name in slices if name in self.bundle.contract.feature_names}
        frame = window_frame(found, contract)
        columns = {**{name: frame[name] for name in slices if name in frame}, **known}
        labels = labels_in(pd.DataFrame(columns), slices, self.title)
        return Rows(
            self.title, frame, labels, self._detail(), self.sample, self.bundle, self.period, self.bundle.synthetic
        )

    def reference(self, slices: Sequence[str]) -> Rows:
        """The rows held out when the model was trained."""
        frame = self.bundle.reference()
        name = f"the reference of run {self.run_id[:RUN_DIGITS]}"
        labels = labels_in(frame, slices, name)
        return Rows(name, frame, labels, "held out when the model was trained", synthetic=self.bundle.synthetic)

    def _detail(self) -> str:
        if self.sample.is_cut:
            return "the newest of more than a report reads"
        read = len(self.sample.predictions)
        return "" if self.sample.is_whole else f"read is a uniform sample of {read:,} of about {self.sample.rows:,}"


def _title(source: Source, hours: float, run_id: str) -> str:
    by = f"by run {run_id[:RUN_DIGITS]}"
    if source.last is not None:
        before = f" before {source.until:%d %b %Y %H:%M}" if source.until else ""
        return f"the newest {source.last:,} predictions{before} {by}"
    if source.since is None and source.until is None:
        return f"all predictions {by}" if source.run else f"predictions of the last {hours:g} hours {by}"
    since = f" from {source.since:%d %b %Y %H:%M}" if source.since else f" of {hours:g} hours"
    return f"predictions{since}{f' to {source.until:%d %b %Y %H:%M}' if source.until else ''} {by}"


def _named(source: Source, since: datetime, until: datetime) -> str:
    if source.last is not None or since == BEGINNING:
        return f"before {until:%Y-%m-%d %H:%M:%S} UTC"
    return f"from {since:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} UTC"
