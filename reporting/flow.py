"""The report flow: the Prefect skin over `make_report`. `python -m reporting.flow` runs it once."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from reporting.page import report_page
from reporting.publish import MAX_INDEXED, report_name, write_index, write_page
from reporting.report import Period, build_report, summary
from tabular.errors import TabularError
from tabular.model.bundle_cache import BundleCache
from tabular.ports.predictions import PredictionStore
from tabular.predictions.sampling import enough_for
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.quality.row_counts import TooFewRows
from tabular.settings import Settings, with_values
from tabular.wiring import wire

MAX_RUNS = 4
"""Runs that are reported on at once, those with the most predictions of the period."""
RUN_ROWS = 1_000
"""Predictions that are read to find which runs made those of the period."""


def make_report(store: PredictionStore, bundles: BundleCache, settings: Settings) -> str:
    """Write a report on the last hours for each run that predicted, and the index; returns the findings.

    Too few predictions make no report, only an index that says so. A run that cannot be reported on hides no other;
    raises Unavailable, BrokenBundle or NotFound if there is no other.
    """
    now = datetime.now(UTC)
    since = now - timedelta(hours=settings.report_window_hours)
    runs = [run_id for run_id, _ in store.runs(since, now, RUN_ROWS).most_common(MAX_RUNS)]
    findings: list[str] = []
    few: list[TooFewRows] = []
    failures: list[TabularError] = []
    # The run with the most predictions comes last, so that its report is the newest.
    for at, run_id in enumerate(reversed(runs)):
        period = Period(since, now, now + timedelta(microseconds=at))
        try:
            found = _report_on(run_id, period, store, bundles, settings)
        except TabularError as error:
            failures.append(error)
            findings.append(f"No report on the run {run_id}: {error}")
            continue
        if isinstance(found, TooFewRows):
            few.append(found)
        else:
            findings.append(found)
    if len(findings) == len(failures):
        if failures:
            raise failures[-1]
        return _only_index(store, settings, now, few[-1] if few else TooFewRows(0, settings.report_min_rows))
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), "", now)
    return "\n".join(reversed(findings))


def _report_on(
    run_id: str, period: Period, store: PredictionStore, bundles: BundleCache, settings: Settings
) -> str | TooFewRows:
    """Write the report on one run's predictions; returns the finding in one sentence."""
    most = enough_for(settings.report_min_rows, settings.report_max_rows)
    sample = store.sample_between(period.since, period.until, most, run_id)
    others = store.about_others_between(period.since, period.until, run_id)
    report = build_report(bundles.load(run_id), sample, period, min_rows=settings.report_min_rows, other_runs=others)
    if isinstance(report, TooFewRows):
        return report
    name = report_name(period.made_at)
    path = write_page(settings.reports_dir, f"{name}.html", report_page(report))
    store.save_report(summary(report, name))
    return f"{report.finding} {report.row_count} predictions, see {path}"


def _only_index(store: PredictionStore, settings: Settings, now: datetime, few: TooFewRows) -> str:
    note = _why_none(few, f"{settings.report_window_hours:g} hours")
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), note, now)
    return note


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


def _run_name() -> str:
    try:
        return f"report {wire().contract.table.name}"
    except TabularError:  # the flow will say it
        return "report"


@flow(name="report", flow_run_name=_run_name, retries=2, retry_delay_seconds=5)
def report(window_hours: float | None = None) -> State[str]:
    """Compare the newest predictions with their model's reference and publish a page; the state has the finding."""
    try:
        wiring = wire()
        settings = with_values(wiring.settings, report_window_hours=window_hours)
        with recorded(settings.state_dir, ActiveRun(str(flow_run.id), "report")):
            finding = make_report(wiring.predictions(), wiring.bundles(), settings)
    except TabularError as error:  # our own errors say what to do: no traceback beside them
        return Failed(message=f"No report: {error}")
    get_run_logger().info(finding)
    return Completed(message=finding)


def main() -> int:
    """Run the flow once; 1 if it could not report, with the reason in plain words."""
    keep_private()
    state = report(return_state=True)
    print(state.message, file=sys.stderr if state.is_failed() else sys.stdout)
    return int(not state.is_completed())


if __name__ == "__main__":
    sys.exit(main())
