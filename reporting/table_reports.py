"""The reports on one table: one for each of its runs that predicted in the period, those with the most predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reporting.interactive.link import EvidentlyPage
from reporting.interactive.pages import TwoSides, write_evidently
from reporting.page import report_page
from reporting.publish import report_name, write_page
from reporting.report import Period, Report, build_report, summary
from tabular.errors import TabularError
from tabular.model.bundle_cache import BundleCache
from tabular.ports.predictions import PredictionStore
from tabular.predictions.prediction import Prediction
from tabular.predictions.sampling import Sample, enough_for
from tabular.predictions.window import window_frame
from tabular.quality.row_counts import TooFewRows
from tabular.settings import Settings

MAX_RUNS = 4
"""Runs of a table that are reported on at once, those with the most predictions of the period."""
RUN_ROWS = 1_000
"""Predictions that are read to find which runs made those of the period."""


@dataclass(frozen=True)
class ReportedTable:
    """A table of the stack: the name and title of its contract, and where its bundles are."""

    name: str
    title: str
    bundles: BundleCache


@dataclass(frozen=True)
class TableReports:
    """What came of reporting on a table: the findings of its runs, the one with the most predictions first.

    `failures` are of runs that cannot be reported on, which have a finding that says so. `note` says why there is no
    report where there is none and nothing failed.
    """

    table: ReportedTable
    findings: Sequence[str]
    failures: Sequence[TabularError]
    note: str

    @property
    def is_written(self) -> bool:
        """True if there is a report of at least one run."""
        return len(self.findings) > len(self.failures)


def report_on(
    table: ReportedTable, store: PredictionStore, settings: Settings, now: datetime, *, with_evidently: bool = False
) -> TableReports:
    """Write a report on the last hours for each run of the table that predicted; a run that fails hides no other.

    Raises Unavailable if the runs cannot be read.
    """
    since = now - timedelta(hours=settings.report_window_hours)
    runs = [run_id for run_id, _ in store.runs(since, now, RUN_ROWS, table=table.name).most_common(MAX_RUNS)]
    findings: list[str] = []
    few = TooFewRows(0, settings.report_min_rows)
    failures: list[TabularError] = []
    # The run with the most predictions comes last, so that its report is the newest.
    for at, run_id in enumerate(reversed(runs)):
        period = Period(since, now, now + timedelta(microseconds=at))
        try:
            found = _report_on_run(run_id, period, table, store, settings, with_evidently=with_evidently)
        except TabularError as error:
            failures.append(error)
            findings.append(f"No report on the run {run_id}: {error}")
            continue
        if isinstance(found, TooFewRows):
            few = found
        else:
            findings.append(found)
    note = "" if findings else _why_none(few, f"{settings.report_window_hours:g} hours")
    return TableReports(table, findings[::-1], failures, note)


def _report_on_run(
    run_id: str,
    period: Period,
    table: ReportedTable,
    store: PredictionStore,
    settings: Settings,
    *,
    with_evidently: bool,
) -> str | TooFewRows:
    most = enough_for(settings.report_min_rows, settings.report_max_rows)
    sample = store.sample_between(period.since, period.until, most, run_id)
    return write_report(table, run_id, sample, period, store, settings, with_evidently=with_evidently)


def write_report(
    table: ReportedTable,
    run_id: str,
    sample: Sample,
    period: Period,
    store: PredictionStore,
    settings: Settings,
    *,
    with_evidently: bool = False,
) -> str | TooFewRows:
    """Write the report on a sample of one run's predictions of a period; returns the finding in one sentence.

    Raises what the store and the registry raise, and OSError.
    """
    others = store.about_others_between(period.since, period.until, run_id, table.name)
    bundle = table.bundles.load(run_id)
    labelled = _labelled(sample.predictions, store.labelled_latest(settings.report_max_rows, run_id, period.until))
    report = build_report(
        bundle, sample, period, min_rows=settings.report_min_rows, other_runs=others, labelled=labelled
    )
    if isinstance(report, TooFewRows):
        return report
    name = report_name(table.name, period.made_at, period.name)
    pages = _evidently(report, name, settings) if with_evidently else []
    path = write_page(settings.reports_dir, f"{name}.html", report_page(report, pages))
    store.save_report(summary(report, name))
    return f"{report.finding} {report.row_count} predictions, see {path}"


def _evidently(report: Report, name: str, settings: Settings) -> list[EvidentlyPage]:
    contract = report.bundle.contract
    frames = report.bundle.reference(), window_frame(report.sample.predictions, contract)
    called = report.period.name or "the newest predictions"
    return write_evidently(settings.reports_dir, name, [TwoSides(called, *frames)], contract)


def _labelled(window: Sequence[Prediction], newest: Sequence[Prediction]) -> list[Prediction]:
    """The newest labelled predictions, with those of the window whose label was written by another program."""
    known = {one.id for one in newest}
    return [*newest, *(one for one in window if one.label is not None and one.id not in known)]


def _why_none(few: TooFewRows, hours: str) -> str:
    """Which side is too small, how many there are and how many are needed, and what helps."""
    if few.of == "window":
        return (
            f"Too few predictions to compare: {few.have} by one model in the last {hours}, {few.need} are needed "
            "(REPORT_MIN_ROWS). No report was written."
        )
    return (
        f"The reference is too small to compare: the model was trained with {few.have} rows held out to compare "
        f"with, {few.need} are needed. More predictions do not help: train on a table of at least {few.need} rows. "
        "No report was written."
    )
