"""The report flow: the Prefect skin over `make_report`. `python -m reporting.flow` runs it once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from reporting.history.publish import write_history
from reporting.publish import MAX_INDEXED, TableNews, write_index
from reporting.table_reports import ReportedTable, TableReports, report_on
from tabular.errors import TabularError
from tabular.ports.predictions import PredictionStore
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring, wire


def make_report(store: PredictionStore, tables: Sequence[ReportedTable], settings: Settings) -> str:
    """Write reports on the last hours of each table, and the index of all; returns the findings.

    Too few predictions make no report, only an index that says so. A run or a table that cannot be reported on hides
    no other; raises Unavailable, BrokenBundle or NotFound if there is no other.
    """
    now = datetime.now(UTC)
    made = [report_on(table, store, settings, now) for table in tables]
    failures = [failure for one in made for failure in one.failures]
    if failures and not any(one.is_written for one in made):
        raise failures[-1]
    news = [TableNews(one.table.name, one.table.title, one.note) for one in made]
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), news, now)
    return "\n".join(line for one in made for line in _told(one, is_only=len(made) == 1))


def _told(made: TableReports, *, is_only: bool) -> list[str]:
    lines = [*made.findings, *([made.note] if made.note else [])]
    return lines if is_only else [f"{made.table.name}: {line}" for line in lines]


def reported_tables(wiring: Wiring) -> list[ReportedTable]:
    """The tables of the stack, the first's first; raises InvalidContract or InvalidSetting."""
    found = [(table_wiring.contract.table, table_wiring.bundles()) for table_wiring in wiring.for_tables()]
    return [ReportedTable(table.name, table.title, bundles) for table, bundles in found]


def _run_name() -> str:
    try:
        return f"report {', '.join(one.contract.table.name for one in wire().for_tables())}"
    except TabularError:  # the flow will say it
        return "report"


@flow(name="report", flow_run_name=_run_name, retries=2, retry_delay_seconds=5)
def report(window_hours: float | None = None) -> State[str]:
    """Compare the newest predictions with their model's reference and publish a page; the state has the finding."""
    try:
        wiring = wire()
        settings = with_values(wiring.settings, report_window_hours=window_hours)
        with recorded(settings.state_dir, ActiveRun(str(flow_run.id), "report")):
            store, tables = wiring.predictions(), reported_tables(wiring)
            named = [(table.name, table.title) for table in tables]
            write_history(settings.reports_dir, wiring.ledger(), store, named, datetime.now(UTC))
            finding = make_report(store, tables, settings)
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
