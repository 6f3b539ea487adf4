"""`make run`, and what a newcomer does next, on real processes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from dataclasses import asdict

import pytest
from mlflow.tracking.client import MlflowClient
from pymongo import MongoClient

from embedded.layout import Layout, find_executable
from embedded.services import prometheus
from embedded.services.logins import prefect_login, prometheus_password
from embedded.services.prefect_worker import worker_has_reported
from embedded.services.stack import STACK
from embedded.supervision import orphans
from tabular.encoding.row import RowCodec
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.browser import Visit, keep_screenshot
from tests.foreign_page import HOST, ORIGIN, permissions
from tests.journeys.foreign_pages import PATHS, run_a_command, speak_http, websocket_status
from tests.journeys.waiting import WAIT_SECONDS, eventually

FRONT_PAGE_MEGABYTES = 120

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]


@pytest.fixture
def wiring(loop, contract):
    """The adapters over the loop's own servers."""
    local = "127.0.0.1"
    settings = Settings(
        mlflow_tracking_uri=f"http://{local}:{loop.ports.mlflow}",
        mongo_uri=f"mongodb://{local}:{loop.ports.store}",
        aws_endpoint_url=f"http://{local}:{loop.ports.emulator}",
    )
    return Wiring(settings, contract)


@pytest.fixture
def registry(wiring):
    return wiring.registry()


@pytest.fixture
def predictions(wiring):
    return wiring.predictions()


def test_the_front_page_of_the_running_loop_is_seen_and_kept_as_a_picture(loop, browser, registry):
    with Visit(browser, (1160, 1400)) as visit:

        def whole():
            visit.open(f"http://127.0.0.1:{loop.ports.reports}/")
            text = visit.page.inner_text("main")
            return registry.champion()[:12] in text and "does not respond" not in text and "ROC-AUC" in text

        assert eventually(whole)
        assert visit.sticking_out() == []
        assert not visit.foreign(f"http://127.0.0.1:{loop.ports.reports}")
        assert len(keep_screenshot(visit.page, "front-page-after-run")) > 50_000


def test_the_printed_curl_line_works_when_pasted(loop, contract, registry):
    line = next(line for line in loop.printed.splitlines() if line.startswith("curl "))
    done = subprocess.run([*shlex.split(line), "-s"], capture_output=True, text=True, check=True)
    response = json.loads(done.stdout)
    assert 0 <= response[contract.reply.prediction_key] <= 1
    assert response["model_run_id"] == registry.champion()


def test_what_it_writes_is_the_owners_alone_but_for_the_reports(loop):
    written = [path for path in loop.state.rglob("*") if not path.is_symlink()]
    assert any(path.name.startswith("outbox-") for path in written)
    readable = {str(path) for path in written if path.lstat().st_mode & 0o077}
    assert {path for path in readable if not path.startswith(str(loop.state / "reports"))} == set()
    assert not loop.state.stat().st_mode & 0o077


def test_nothing_is_written_outside_the_project(loop):
    assert [path for folder in loop.outside for path in folder.rglob("*") if not path.is_socket()] == []


def test_it_says_that_the_table_is_made_up(loop):
    assert "synthetic" in loop.printed.casefold()


def test_every_printed_address_responds(loop):
    for name in ("mlflow", "prefect", "reports"):
        assert loop.get(getattr(loop.ports, name), "/")[0] == 200
    assert loop.get(loop.ports.api, "/docs")[0] == 200
    assert loop.get(loop.ports.monitor, "/metrics")[0] == 200


def test_the_logins_are_printed_and_in_no_log(loop):
    passwords = [prefect_login(Layout(loop.state)).partition(":")[2], prometheus_password(Layout(loop.state))]
    assert passwords[0] in loop.printed
    assert passwords[0] in loop.command("status").stdout
    if find_executable("prometheus"):
        assert passwords[1] in loop.printed
    logs = "".join(path.read_text(errors="replace") for path in (loop.state / "logs").iterdir())
    assert not [password for password in passwords if password in logs]


def test_a_run_that_is_not_there_is_rejected_and_what_is_served_goes_on(loop, contract, registry):
    rejected = loop.command("start-serve", RUN_ID="f" * 32)
    assert rejected.returncode == 1
    assert f"RUN_ID={'f' * 32} cannot be served: " in rejected.stdout
    assert "Nothing was changed." in rejected.stdout
    assert f"does not know the run {'f' * 32}" in rejected.stdout
    assert loop.predict(contract.example)[1]["model_run_id"] == registry.champion()


def test_the_worker_is_ready_when_prefect_has_heard_of_it(loop):
    login = prefect_login(Layout(loop.state))
    assert worker_has_reported(loop.ports.prefect, login, since_seconds=0)
    assert not worker_has_reported(loop.ports.prefect, login, since_seconds=time.time() + 3_600)


def test_another_trials_run_id_is_served_with_a_key_when_asked_for(loop, contract, registry, predictions):
    champion = registry.champion()
    other = another_trial(loop, registry, champion)
    assert loop.command("stop-serve").returncode == 0
    done = loop.command("start-serve", RUN_ID=other, API_KEY="only-for-us")
    assert done.returncode == 0, done.stdout
    assert "only-for-us" not in done.stdout
    assert loop.predict(contract.example)[0] == 401
    line = next(line for line in done.stdout.splitlines() if line.startswith("curl "))
    pasted = subprocess.run(["/bin/sh", "-c", f"{line} -s"], capture_output=True, text=True, check=True)
    assert json.loads(pasted.stdout)["model_run_id"] == other

    def sent_by_the_simulator():
        return [one for one in predictions.latest(500) if (one.run_id, one.source) == (other, "api")][2:]

    assert eventually(sent_by_the_simulator)
    assert loop.command("start-serve", API_KEY="").returncode == 0
    assert loop.predict(contract.example)[1]["model_run_id"] == champion


def test_the_api_and_the_stream_give_the_same_score_and_the_store_has_each_once(loop, contract, predictions, wiring):
    status, response = loop.predict(contract.example, Idempotency_Key="the-whole-loop")
    assert status == 200
    stream = wiring.stream("predictions")
    stream.put([("key", json.dumps(contract.example).encode())])
    row = canonical_row(contract)

    def both():
        of_this_run = [found for found in predictions.latest(500) if found.run_id == response["model_run_id"]]
        same = [found for found in of_this_run if dict(found.row) == row]
        return (
            {found.source: found for found in same} if {found.source for found in same} == {"api", "stream"} else None
        )

    found = eventually(both)
    assert found, "the record never came to the store"
    assert found["stream"].score == found["api"].score == response[contract.reply.prediction_key]
    assert (
        loop.predict(contract.example, Idempotency_Key="the-whole-loop")[1]["prediction_id"]
        == response["prediction_id"]
    )
    assert eventually(lambda: [p.id for p in predictions.latest(2_000)].count(response["prediction_id"]) == 1)


def another_trial(loop, registry, champion):
    """The id of another trial of the champion's sweep, as a person would find it in MLflow."""
    client = MlflowClient(f"http://127.0.0.1:{loop.ports.mlflow}")
    run = client.get_run(champion)
    siblings = f"tags.`mlflow.parentRunId` = '{run.data.tags['mlflow.parentRunId']}'"
    found = client.search_runs([run.info.experiment_id], siblings)
    return next(one.info.run_id for one in found if one.info.run_id != champion)


def canonical_row(contract):
    return dict(zip(contract.feature_names, RowCodec(contract).parse(contract.example).values, strict=True))


def test_the_drift_gauges_are_there(loop):
    def gauges():
        text = loop.get(loop.ports.monitor, "/metrics")[1]
        lines = [line for line in text.splitlines() if line.startswith("monitor_drift")]
        return lines or None

    assert eventually(gauges)


def test_the_first_report_is_on_the_report_page(loop):
    status, index = loop.get(loop.ports.reports, "/")
    assert status == 200
    newest = re.search(r'href="(report-[^"]+\.html)"', index)
    assert newest, index
    status, page = loop.get(loop.ports.reports, "/" + newest[1])
    assert status == 200
    assert "<svg" in page


def test_the_front_page_shows_what_is_served_and_that_every_service_responds(loop, registry):
    def page():
        text = loop.get(loop.ports.reports, "/")[1]
        return text if "Every service responds" in text and registry.champion() in text else None

    text = eventually(page)
    assert text, loop.get(loop.ports.reports, "/")[1]
    assert "synthetic data" in text
    assert "the champion, since" in text
    for name in ("api", "consumer", "shadow", "monitor", "mlflow", "prefect", "emulator", "store"):
        assert re.search(rf'<li>(<a [^>]+>)?{name}(</a>)? <span class="badge calm">up', text), name


def test_the_front_page_is_the_first_address_that_is_printed(loop):
    addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", loop.command("status").stdout)
    assert addresses[0] == f"http://127.0.0.1:{loop.ports.reports}"
    assert loop.printed.rstrip().endswith(f"Open {addresses[0]} in a browser to see all of it.")


def test_the_front_page_process_stays_small(loop):
    found = re.search(r"front-page +running +\d+ .* (\d+) MB", loop.command("status").stdout)
    assert int(found[1]) < FRONT_PAGE_MEGABYTES


@pytest.mark.skipif(find_executable("prometheus") is None, reason="Prometheus is not installed")
def test_a_report_is_asked_for_on_what_is_named_and_evidently_s_page_is_beside_it(loop):
    against = ("--against", "version=current", "--evidently", "1")
    done = loop.command("report", "--", "--last", "300", *against)
    assert done.returncode == 0, done.stdout + done.stderr
    (page,) = (loop.state / "reports").glob("report-*-compared-with-version-*.html")
    status, text = loop.get(loop.ports.reports, f"/{page.name}")
    assert (status, "The newest 300 predictions by run" in text) == (200, True)
    beside = re.search(r'href="(evidently/[^"]+)"', text)[1]
    assert loop.get(loop.ports.reports, f"/{beside}")[0] == 200
    done = loop.command("report", "--", "--last", "many")
    assert (done.returncode, "last='many' must be a whole number" in done.stderr) == (1, True)


def test_prometheus_reads_every_process_that_has_metrics(loop):
    def healths():
        login = prometheus.login_header(prometheus_password(Layout(loop.state)))
        page = json.loads(loop.get(loop.ports.prometheus, "/api/v1/targets", **login)[1])
        found = {target["labels"]["job"]: target["health"] for target in page["data"]["activeTargets"]}
        return found if set(found.values()) == {"up"} else None

    assert set(eventually(healths) or ()) == {"api", "consumer", "monitor", "prometheus", "shadow"}


def test_every_flow_is_scheduled(loop):
    def scheduled():
        runs = loop.prefect("/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
        deployments = {one["id"]: one["name"] for one in loop.prefect("/deployments/filter", {})}
        return {deployments[run["deployment_id"]] for run in runs} == {"train", "react", "report", "retention", "score"}

    assert eventually(scheduled, WAIT_SECONDS * 3)


def test_the_worker_runs_a_flow_asked_for_in_prefect_with_its_own_parameters(loop):
    report = next(one for one in loop.prefect("/deployments/filter", {}) if one["name"] == "report")
    asked = {"parameters": {"window_hours": 0.5}, "state": {"type": "SCHEDULED"}}
    run = loop.prefect(f"/deployments/{report['id']}/create_flow_run", asked)

    def ended():
        (found,) = loop.prefect("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        return found["state"] if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    state = eventually(ended, WAIT_SECONDS * 3)
    assert state["type"] == "COMPLETED", state
    assert "drift" in state["message"].casefold()


def test_every_port_of_the_stack_is_asked_as_a_foreign_page(loop):
    assert {*PATHS, "store"} == set(asdict(loop.ports))
    assert "moto" not in STACK  # the other emulator, for tests alone, answers pages


@pytest.mark.parametrize("name", PATHS)
def test_a_foreign_page_is_permitted_nothing(loop, name):
    if name == "prometheus" and find_executable("prometheus") is None:
        pytest.skip("Prometheus is not installed")
    found = [each for path in PATHS[name] for each in permissions("127.0.0.1", getattr(loop.ports, name), path)]
    assert not found


def test_the_store_does_nothing_with_a_request_of_a_browser_and_goes_on(loop):
    name, document = "prediction_service", {"_id": "from a page"}
    for _ in range(20):
        response = speak_http(loop.ports.store, {"insert": "predictions", "documents": [document], "$db": name})
        assert not response.startswith(b"HTTP/")
    with MongoClient(f"mongodb://127.0.0.1:{loop.ports.store}", serverSelectionTimeoutMS=20_000) as client:
        assert client.admin.command("ping")["ok"] == 1
        assert client[name]["predictions"].find_one(document) is None


@pytest.mark.parametrize("headers", [{"Origin": ORIGIN}, {"Host": HOST}, {}], ids=["origin", "rebinding", "stranger"])
def test_no_page_can_make_the_worker_run_a_command(loop, tmp_path, headers):
    proof = tmp_path / "ran"
    statuses = run_a_command(loop.ports.prefect, proof, headers)
    if min(statuses) < 400:
        eventually(proof.exists)
    assert not proof.exists()
    assert set(statuses) <= {401, 403, 421}


@pytest.mark.parametrize("path", ["/api/events/in", "/api/events/out", "/api/logs/out"])
def test_a_foreign_page_opens_no_websocket_to_prefect(loop, path):
    port = loop.ports.prefect
    assert websocket_status(port, path, {"Origin": f"http://127.0.0.1:{port}"}) == 101
    assert websocket_status(port, path, {"Origin": ORIGIN}) == 403
    assert websocket_status(port, path, {"Host": HOST}) == 403


def test_status_counts_every_process(loop):
    done = loop.command("status")
    assert done.returncode == 0, done.stdout
    assert "resident in total" in done.stdout


def test_running_it_again_changes_nothing_and_reuses_the_training(loop, registry):
    champion = registry.champion()
    done = loop.command("run")
    assert done.returncode == 0, done.stdout
    assert registry.champion() == champion


def test_stop_leaves_nothing_behind_and_a_start_serves_the_same_model_again(loop, registry, contract):
    champion = registry.champion()
    assert loop.command("stop").returncode == 0
    assert not orphans.find_orphans(loop.state)
    # The loop is the session's: whoever asks for it after this finds it running.
    done = loop.command("run")
    assert done.returncode == 0, done.stdout
    assert registry.champion() == champion
    assert loop.predict(contract.example)[1]["model_run_id"] == champion
