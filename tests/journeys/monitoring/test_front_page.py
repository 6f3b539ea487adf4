"""The front page beside a real API, monitor and store: it shows what they say, and says so when they are gone."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.harness.stack import api
from embedded.layout import PROJECT
from embedded.services.service import Service, free_port, stop
from tests.journeys.monitoring.reports import RUN, Reports
from tests.journeys.waiting import eventually

DATABASE = "front_page_journey"
MAX_RESIDENT_BYTES = 120_000_000


@pytest.fixture(scope="module")
def told(store, settings, bundle, tmp_path_factory):
    """Six hundred predictions of a shifted window, and a report on them."""
    reports = Reports(settings, bundle, tmp_path_factory.mktemp("front-page"), DATABASE)
    frame = bundle.reference().head(600)
    frame["credit_limit"] /= 2
    reports.predict(frame, "shifted")
    reports.make()
    return reports


@pytest.fixture(scope="module")
def environ(told):
    return {
        "MONGO_URI": told.settings.mongo_uri,
        "MONGO_DATABASE": DATABASE,
        "REPORTS_DIR": str(told.folder),
        "STATE_DIR": str(told.folder.parent),
        "CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml"),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
    }


@pytest.fixture(scope="module")
def services(told, environ):
    """The API and the monitor, with the setting that names both."""
    state = told.folder.parent
    of_api = api(state, **environ, RUN_ID=RUN, API_WORKERS="1")
    port = free_port()
    given = {"MONITOR_PORT": str(port), "MONITOR_INTERVAL_SECONDS": "1", "MONITOR_BLOCK_SECONDS": "2"}
    metrics = f"http://127.0.0.1:{port}/metrics"
    of_monitor = Service("monitor", (sys.executable, "-m", "monitoring.exporter"), port, metrics, environ | given)
    with of_api.running(state / "api.log") as first, of_monitor.running(state / "monitor.log") as second:
        yield f"api={of_api.ready_url}|http://127.0.0.1:{of_api.port}/docs,monitor={metrics}", (first, second)


def missing(page: Path, words: Sequence[str]) -> list[str]:
    """The words that the page does not have."""
    text = page.read_text() if page.exists() else ""
    return [word for word in words if word not in text]


@pytest.fixture(scope="module")
def front_page(told, environ, services):
    """The process that writes the page; how to read the page once it says these words."""
    given = {"FRONT_PAGE_SERVICES": services[0], "FRONT_PAGE_INTERVAL_SECONDS": "1"}
    service = Service("front-page", (sys.executable, "-m", "reporting.front_page"), environ=environ | given)
    page = told.folder / "index.html"

    def read(*words: str) -> str:
        eventually(lambda: not missing(page, words))
        assert not missing(page, words), re.sub(r"<[^>]+>", " ", page.read_text().partition("<main>")[2])
        return page.read_text()

    with service.running(told.folder.parent / "front-page.log") as process:
        yield read, process


def test_it_shows_what_the_api_serves_what_the_monitor_measures_and_what_the_store_holds(front_page, told):
    read, _ = front_page
    text = read("Every service responds", "Model health of Credit card churn over time", "Alarm on drift, ")
    assert f"<code>{RUN}</code>" in text
    assert re.search(r'<tr><th scope="row">credit_limit</th><td><span class="badge drift">drifted', text)
    timeline = read(">estimated</text>", ">a minute</text>")
    assert timeline.count("<svg") == 2
    assert told.pages()[-1] in text
    assert re.search(r"ROC-AUC</th>", text.partition("Quality, estimated")[2])


def test_its_process_stays_small(front_page):
    read, process = front_page
    read("Every service responds")
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024 < MAX_RESIDENT_BYTES


def test_it_says_what_is_gone_and_keeps_what_the_store_holds(front_page, services):
    read, process = front_page
    for one in services[1]:
        stop(one)
    text = read("api, monitor do not respond", "the API does not respond", "the monitor knows of no predictions")
    assert "Model health of Credit card churn over time" in text
    stop(process)
    assert process.returncode == 0, "SIGTERM ends it cleanly"
