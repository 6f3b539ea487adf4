"""The report flow: the Prefect skin over `make_report`. `python -m reporting.flow` runs it once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from reporting.comparison.publish import Surroundings, write_requested
from reporting.comparison.request import ARGUMENTS, ReportRequest, request_of, yes_or_no
from reporting.comparison.table_rows import TablesOf
from reporting.history.publish import write_history
from reporting.publish import MAX_INDEXED, TableNews, write_index
from reporting.table_reports import ReportedTable, TableReports, report_on
from tabular.errors import InvalidSetting, TabularError
from tabular.ports.predictions import PredictionStore
from tabular.process.active_runs import ActiveRun, recorded
from tabular.process.private_files import keep_private
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring, wire


def make_report(
    store: PredictionStore, tables: Sequence[ReportedTable], settings: Settings, *, with_evidently: bool = False
) -> str:
    """Write reports on the last hours of each table, and the index of all; returns the findings.

    Too few predictions make no report, only an index that says so. A run or a table that cannot be reported on hides
    no other; raises Unavailable, BrokenBundle or NotFound if there is no other.
    """
    now = datetime.now(UTC)
    made = [report_on(table, store, settings, now, with_evidently=with_evidently) for table in tables]
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
def report(  # noqa: PLR0913 - one field each where a person starts the flow
    *,
    window_hours: float | None = None,
    table: str = "",
    since: str = "",
    until: str = "",
    last: str | int = "",
    run: str = "",
    version: str = "",
    file: str = "",
    slice: str = "",  # noqa: A002 - the word that people give
    windows: str | int = "",
    also: str = "",
    against: str = "",
    evidently: bool | str = False,
) -> State[str]:
    """Report on the newest predictions of every table, or on what is named; the state has the finding.

    What can be named: docs/how-to/compare-anything.md.
    """
    words = {"since": since, "until": until, "last": str(last), "run": run, "version": version, "file": file}
    words |= {"slice": slice, "windows": str(windows), "also": also, "against": against}
    try:
        request, with_evidently = request_of(words), yes_or_no("evidently", str(evidently))
        wiring = wire()
        settings = with_values(wiring.settings, report_window_hours=window_hours)
        with recorded(settings.state_dir, ActiveRun(str(flow_run.id), "report")):
            finding = _written(request, wiring, settings, table, with_evidently=with_evidently)
    except (TabularError, OSError) as error:  # our own errors say what to do: no traceback beside them
        return Failed(message=f"No report: {error}")
    get_run_logger().info(finding)
    return Completed(message=finding)


def _written(
    request: ReportRequest | None, wiring: Wiring, settings: Settings, table: str, *, with_evidently: bool
) -> str:
    now, store, tables = datetime.now(UTC), wiring.predictions(), reported_tables(wiring)
    named = [(one.name, one.title) for one in tables]
    write_history(settings.reports_dir, wiring.ledger(), store, named, now)
    if request is None and not table:
        return make_report(store, tables, settings, with_evidently=with_evidently)
    own = wiring.for_table(table)
    reported = next(one for one in tables if one.name == own.contract.table.name)
    if request is None:
        return make_report(store, [reported], settings, with_evidently=with_evidently)
    around = Surroundings(reported, store, TablesOf(own.contract, own.objects()), settings, now)
    finding = write_requested(request, around, with_evidently=with_evidently)
    write_index(settings.reports_dir, store.reports(MAX_INDEXED), [TableNews(*one) for one in named], now)
    return finding


def main(given: Sequence[str] | None = None) -> int:
    """Run the flow once; 1 if it could not report, with the reason in plain words."""
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    for word in (*ARGUMENTS, "table", "evidently"):
        parser.add_argument(f"--{word}", default="")
    arguments = vars(parser.parse_args(given))
    keep_private()
    try:
        request_of({name: arguments[name] for name in ARGUMENTS})
        yes_or_no("evidently", arguments["evidently"])
    except InvalidSetting as error:  # no run of the flow for what cannot be meant
        sys.stderr.write(f"No report: {error}\n")
        return 1
    state = report.with_options(retries=0)(**arguments, return_state=True)  # by hand: nobody waits for a retry
    print(state.message, file=sys.stderr if state.is_failed() else sys.stdout)
    return int(not state.is_completed())


if __name__ == "__main__":
    sys.exit(main())
