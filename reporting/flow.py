"""The report flow: the Prefect skin over `make_report`. `python -m reporting.flow` runs it once."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from prefect import flow, get_run_logger, task

from reporting.page import report_page
from reporting.publish import MAX_INDEXED, report_name, write_index, write_page
from reporting.report import Period, build_report, summary
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.registry import MlflowRegistry
from tabular.bundle_cache import BundleCache
from tabular.contract import load_contract
from tabular.drift import TooFewRows
from tabular.errors import TabularError
from tabular.ports import Predictions
from tabular.settings import Settings, load_settings


def make_report(store: Predictions, bundles: BundleCache, settings: Settings) -> str:
    """Write a report on the last hours and the index; returns the finding in one sentence.

    Too few predictions make no report, only an index that says so. Raises Unavailable, BrokenBundle or NotFound.
    """
    now = datetime.now(UTC)
    period = Period(now - timedelta(hours=settings.report_window_hours), now, now)
    predictions = store.between(period.since, period.until, settings.report_max_rows)
    if not predictions:
        return _only_index(store, settings, now, TooFewRows(0, settings.report_min_rows))
    bundle = bundles.load(predictions[0].run_id)
    report = build_report(
        bundle, predictions, period, min_rows=settings.report_min_rows, max_rows=settings.report_max_rows
    )
    if isinstance(report, TooFewRows):
        return _only_index(store, settings, now, report)
    name = report_name(now)
    path = write_page(settings.reports_dir, f"{name}.html", report_page(report))
    store.save_report(summary(report, name))
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), "", now)
    return f"{report.verdict} {report.drift.rows:,} predictions, see {path}"


def _only_index(store: Predictions, settings: Settings, now: datetime, few: TooFewRows) -> str:
    hours = f"{settings.report_window_hours:g} hours"
    note = (
        f"Too few predictions to tell: {few.have} by the newest model in the last {hours}, {few.need} are needed. "
        "No report was written."
    )
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), note, now)
    return note


@task(name="write the report")
def report_task(settings: Settings) -> str:
    """`make_report` over the real store and registry."""
    store = MongoPredictions(settings.mongo_uri, settings.mongo_database)
    model_name = settings.model_name or load_contract(settings.contract).table.name
    bundles = BundleCache(MlflowRegistry(settings.mlflow_tracking_uri, model_name), settings.state_dir / "bundles")
    return make_report(store, bundles, settings)


@flow(name="report")
def report(window_hours: float | None = None) -> str:
    """Compare the newest predictions with their model's reference and publish a page; returns the finding."""
    settings = load_settings()
    if window_hours is not None:
        import msgspec

        settings = msgspec.structs.replace(settings, report_window_hours=window_hours)
    finding = report_task(settings)
    get_run_logger().info(finding)
    return finding


def main() -> int:
    """Run the flow once; 1 if it could not report, with the reason in plain words."""
    try:
        print(report())  # noqa: T201 - the answer of a command
    except TabularError as error:
        print(f"No report: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
