"""The pages of every host, made by what makes them for people, and a browser to look at them."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from benchmarks.harness import stack
from embedded.layout import PROJECT
from reporting.comparison.build import build_comparison
from reporting.comparison.page import comparison_page
from reporting.comparison.pairing import Pair
from reporting.comparison.rows import Rows
from reporting.front_page.live import live_runs
from reporting.front_page.page import SCRIPT, front_page, script
from reporting.front_page.served import served_tables
from reporting.front_page.services import ServiceState
from reporting.front_page.table_view import TableReader
from reporting.history.publish import history_page
from reporting.history.timeline import history
from reporting.interactive.link import EvidentlyPage
from reporting.page import report_page
from reporting.publish import FRONT_PAGE, HISTORY, TableNews, write_index, write_page
from reporting.report import Period, build_report, summary
from reporting.static_server import create_server
from reporting.table_profile.__main__ import main as write_profile
from server.scoring.model import ready_model
from tabular.data.synthetic import make_table
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.ledger.entry import LedgerEntry
from tabular.predictions.sampling import Sample
from tests.unit.reporting.front_page.story import NOW as STORY_END
from tests.unit.reporting.front_page.story import READINESS, TABLE, gauges, told_stores

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RUN, OTHER = "48c08092ca294b78b1579cf6ea37dc1d", "b" * 32


@pytest.fixture(scope="session")
def docs_site(tmp_path_factory):
    """The folder of the site, built as `make docs-site` builds it."""
    folder = tmp_path_factory.mktemp("reports") / "docs"
    build_site("--site-dir", str(folder))
    return folder


def build_site(*options: str) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def reports_host(docs_site, bundle):
    """The address of the reports' host: a report with labels and drift, its index, the history, a profile, the docs."""
    folder = docs_site.parent
    write_report(folder, bundle)
    write_comparison(folder, bundle)
    write_page(folder, HISTORY, history_page([history(bundle.contract.table.name, "Churn", story(), [], NOW)], NOW))
    (folder / "table.csv").write_bytes(make_table(bundle.contract, 2_000, 1))
    assert write_profile(["--csv", str(folder / "table.csv"), "--out", str(folder / "profile.html")]) == 0
    server = create_server(folder, 0, "localhost,127.0.0.1")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def front_page_folder(tmp_path_factory):
    """The folder of a front page on a day with a drift, an alarm and a promotion."""
    folder = tmp_path_factory.mktemp("front-page")
    write_front_page(folder, told_stores(folder))
    return folder


def write_front_page(folder, stores, **alarms: float) -> None:
    """The page of the story as it is now."""
    live = live_runs(gauges(**alarms).encode())[TABLE]
    view = TableReader(TABLE, "Credit card churn", stores).read(
        served_tables(READINESS.encode())[TABLE], live, STORY_END
    )
    names = ("api", "consumer", "shadow", "monitor", "mlflow", "prefect", "emulator", "prometheus", "store")
    pages = {"api": "http://127.0.0.1:9696/docs", "mlflow": "http://127.0.0.1:5051", "prefect": "http://127.0.0.1:4200"}
    services = [ServiceState(name, is_up=True, said="responds", page_url=pages.get(name, "")) for name in names]
    write_page(folder, SCRIPT, script())
    write_page(folder, FRONT_PAGE, front_page(services, [view], STORY_END, 1.0))


@pytest.fixture(scope="session")
def front_page_host(front_page_folder):
    """The address of its host."""
    server = create_server(front_page_folder, 0, "localhost,127.0.0.1")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def write_report(folder, bundle) -> None:
    """A drifted report, and the index of it."""
    frame = bundle.reference().head(900)[list(bundle.contract.feature_names)]
    frame["credit_limit"] /= 2
    codec = RowCodec(bundle.contract)
    rows = [codec.parse(record) for record in frame.to_dict("records")]
    made = ready_model(RUN, bundle).many(columns_of(rows), [str(at) for at in range(len(rows))], "api")
    positive = bundle.contract.target.positive
    (other,) = set(bundle.contract.target.classes) - {positive}
    predictions = [
        msgspec.structs.replace(
            one,
            made_at=NOW - timedelta(minutes=at + 1),
            label=(positive if (one.score > 0.5) != (at % 9 == 1) else other) if at % 2 else None,
            source="api" if at % 3 else "stream",
        )
        for at, one in enumerate(made)
    ]
    labelled = [one for one in predictions if one.label is not None]
    period = Period(NOW - timedelta(hours=24), NOW, NOW)
    report = build_report(bundle, Sample(predictions), period, min_rows=300, labelled=labelled)
    write_page(folder, "report.html", report_page(report))
    table = bundle.contract.table
    write_index(
        folder, [{**summary(report, "report"), "file": "report.html"}], [TableNews(table.name, table.title)], NOW
    )


def write_comparison(folder, bundle) -> None:
    """Three parts of the reference beside all of it, one of them drifted."""
    whole = bundle.reference()
    moved = whole.assign(credit_limit=whole["credit_limit"] / 2).iloc[500:1_000]
    frames = [whole.head(500), whole.tail(500), moved]
    pairs = [Pair(Rows("all", whole, {}), Rows(f"part {at}", frame, {}, "a part")) for at, frame in enumerate(frames)]
    made = build_comparison("parts compared with all", bundle.contract, pairs, NOW, min_rows=300)
    page = comparison_page(made, [EvidentlyPage("evidently/x.html", "part 0", 4_100_000)])
    write_page(folder, "comparison.html", page)


def story() -> list[LedgerEntry]:
    """A model's life, newest first."""
    told = [
        ("promoted", RUN, "gate", {}),
        ("challenged", OTHER, "gate", {}),
        ("alarmed", RUN, "monitor", {"kind": "drift"}),
        ("promoted", OTHER, "shadow", {"page": "http://mlflow/#/runs/b", "gain": 0.0123}),
        ("alarm_ended", RUN, "monitor", {"kind": "drift"}),
        ("rolled_back", OTHER, "engineer ann", {"restored": RUN}),
    ]
    entries = [
        LedgerEntry(
            at=NOW - timedelta(days=len(told) - at),
            table="t",
            kind=kind,
            run_id=run,
            who=who,
            why="A reason.",
            evidence=evidence,
        )
        for at, (kind, run, who, evidence) in enumerate(told)
    ]
    return entries[::-1]


@pytest.fixture(scope="session")
def api_host(tmp_path_factory, make_bundle, contract):
    """The address of the API, with a model."""
    state = tmp_path_factory.mktemp("api-state")
    make_bundle(contract, state / "bundles" / "aaaa")
    service = stack.api(state, RUN_ID="aaaa", API_WORKERS="1")
    with service.running(state / "api.log"):
        yield f"http://127.0.0.1:{service.port}"
