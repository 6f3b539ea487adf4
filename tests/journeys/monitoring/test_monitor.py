"""The monitor as a process: a real store before it, a real Prometheus behind it, MLflow down."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec
import pymongo
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from embedded.layout import PROJECT
from embedded.services.service import Service, free_port, stop
from server.scoring.model import ready_model
from tabular.encoding.columns import columns_of
from tabular.encoding.row import RowCodec
from tabular.wiring import Wiring

RUN, NEXT_RUN = "c" * 32, "d" * 32
TABLE = "credit_card_churn"
WAIT_SECONDS = 60
CONFIG = PROJECT / "monitoring" / "prometheus"


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def wait_for(found, what: str):
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if response := found():
            return response
        time.sleep(0.2)
    raise AssertionError(f"not within {WAIT_SECONDS} s: {what}")


def metrics(port: int, run_id: str = RUN) -> dict[str, float]:
    """What is shown of the run, of its table, and of none, by no other label."""
    families = text_string_to_metric_families(get(f"http://127.0.0.1:{port}/metrics"))
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.labels in ({}, {"table": TABLE}, {"table": TABLE, "run_id": run_id})
    }


@pytest.fixture(scope="module")
def predictions(store, settings):
    return Wiring(msgspec.structs.replace(settings, mongo_database="monitor_journey")).predictions()


def save(predictions, bundle, frame, name: str, run_id: str = RUN, **changes) -> None:
    codec = RowCodec(bundle.contract)
    rows = [codec.parse(record) for record in frame[list(bundle.contract.feature_names)].to_dict("records")]
    made = ready_model(run_id, bundle).many(columns_of(rows), [f"{name}-{at}" for at in range(len(rows))], "stream")
    predictions.save([msgspec.structs.replace(one, **changes) for one in made])


@pytest.fixture(scope="module")
def monitor(predictions, settings, bundle, tmp_path_factory):
    """The exporter over a store with 400 predictions of a run whose bundle is only in the local cache."""
    state = tmp_path_factory.mktemp("monitor")
    for run_id in (RUN, NEXT_RUN):
        shutil.copytree(bundle.folder, state / "bundles" / run_id)
    save(predictions, bundle, bundle.reference().head(400), "first")
    port = free_port()
    environ = {
        "MONITOR_PORT": str(port),
        "MONITOR_INTERVAL_SECONDS": "0.5",
        "MONITOR_WINDOW_ROWS": "800",
        "MONITOR_BLOCK_SECONDS": "2",
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DATABASE": "monitor_journey",
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}",
        "STATE_DIR": str(state),
        "CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml"),
    }
    url = f"http://127.0.0.1:{port}"
    service = Service("monitor", (sys.executable, "-m", "monitoring.exporter"), port, f"{url}/health", environ)
    with service.running(state / "monitor.log") as process:
        yield port
        stop(process)
        assert process.returncode == 0, "SIGTERM ends it cleanly"


@pytest.fixture(scope="module")
def prometheus(monitor, tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    shutil.copy(CONFIG / "alerts.yml", folder)
    config = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    down = free_port()
    targets = (CONFIG / "targets" / "embedded.yml").read_text().replace("${MONITOR_PORT}", str(monitor))
    for name in ("API_PORT", "CONSUMER_METRICS_PORT", "PROMETHEUS_PORT"):
        targets = targets.replace(f"${{{name}}}", str(down))
    (folder / "targets.yml").write_text(targets)
    (folder / "api_key").touch()
    command = ("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
    url = f"http://127.0.0.1:{port}"
    service = Service("prometheus", (*command, f"--web.listen-address=127.0.0.1:{port}"), port, f"{url}/-/ready")
    with replace(service).running(folder / "prometheus.log"):
        yield url


def query(prometheus: str, expression: str) -> list[dict]:
    return json.loads(get(f"{prometheus}/api/v1/query?query={quote(expression)}"))["data"]["result"]


def test_prometheus_has_the_gauges_and_drift_rises_only_with_shifted_traffic(monitor, prometheus, predictions, bundle):
    found = wait_for(lambda: (seen := metrics(monitor)).get("monitor_drift_known") == 1 and seen, "a first comparison")
    assert (found["monitor_dataset_drift"], found["monitor_drifted_features"]) == (0, 0)
    assert found["monitor_window_rows"] == 400
    assert found["process_resident_memory_bytes"] < 600e6
    wait_for(lambda: query(prometheus, 'monitor_dataset_drift{job="monitor"} == 0'), "Prometheus has the gauge")
    wait_for(lambda: query(prometheus, 'monitor_alarm{kind="drift"} == 0'), "the alarm rests on a block")

    shifted = bundle.reference().head(800)
    shifted["credit_limit"] /= 2
    save(predictions, bundle, shifted, "shifted")
    wait_for(lambda: metrics(monitor)["monitor_dataset_drift"] == 1, "drift")
    wait_for(
        lambda: query(prometheus, 'monitor_feature_drifted{feature="credit_limit"} == 1'),
        "Prometheus knows the feature",
    )
    assert query(prometheus, 'monitor_feature_drifted{feature="months_on_book"}')[0]["value"][1] == "0"
    wait_for(lambda: query(prometheus, 'monitor_alarm{kind="drift"} == 1'), "an alarm")
    wait_for(lambda: query(prometheus, 'ALERTS{alertname="FeatureDrift", alertstate="firing"}'), "an alert")
    assert [found["metric"]["job"] for found in query(prometheus, "up == 1")] == ["monitor"]


def test_what_is_no_prediction_or_dated_in_the_future_stops_neither_the_page_nor_the_monitor(
    monitor, predictions, settings, bundle
):
    reference = bundle.reference()
    save(predictions, bundle, reference.head(1), "ahead", made_at=datetime.now(UTC) + timedelta(hours=1))
    with pymongo.MongoClient(settings.mongo_uri) as client:
        data = client["monitor_journey"]["data"]
        whole = data.find_one({"run_id": RUN})
        strange = [
            {"foo": 1},
            {"source": 5, "made_at_us": "now"},
            {**whole, "_id": "x", "contract": "z", "row": {"y": 1}},
        ]
        data.insert_many(strange)
        wait_for(lambda: metrics(monitor).get("monitor_foreign_documents") == 2, "foreign documents are counted")
        wait_for(lambda: metrics(monitor)["monitor_future_predictions"] == 1, "what is dated in the future is counted")
        save(predictions, bundle, reference.head(800), "steady", NEXT_RUN)
        wait_for(lambda: metrics(monitor, NEXT_RUN).get("monitor_window_rows") == 800, "the monitor goes on")
        assert 'feature="y"' not in get(f"http://127.0.0.1:{monitor}/metrics")
        data.delete_many({"_id": {"$in": [one["_id"] for one in strange]}})


def test_two_runs_that_serve_at_once_are_monitored_side_by_side(monitor, predictions, bundle):
    shifted = bundle.reference().head(400)
    shifted["credit_limit"] /= 2
    for name in ("one", "two", "three"):
        save(predictions, bundle, bundle.reference().head(300), f"{name}-steady", NEXT_RUN)
        save(predictions, bundle, shifted, f"{name}-moved")
    both = wait_for(lambda: (seen := metrics(monitor))["monitor_runs"] == 2 and seen, "two runs")
    assert (both["monitor_dataset_drift"], metrics(monitor, NEXT_RUN)["monitor_dataset_drift"]) == (1, 0)


def test_health_and_unknown_pages(monitor):
    assert json.loads(get(f"http://127.0.0.1:{monitor}/health"))["running"] is True
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"http://127.0.0.1:{monitor}/nothing")


@pytest.mark.parametrize("module", ["monitoring.exporter", "reporting.static_server"])
def test_a_port_that_is_taken_is_named_and_ends_it(module, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environ = {
            **os.environ,
            "MONITOR_PORT": port,
            "REPORTS_PORT": port,
            "REPORTS_DIR": str(tmp_path),
            "CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml"),
        }
        command = [sys.executable, "-m", module]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"_PORT={port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
