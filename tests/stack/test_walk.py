"""The README's walk with env=local, in containers: each test is a step, and stands on those before it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.foreign_page import permissions
from tests.stack.grafana import DASHBOARDS, Grafana
from tests.stack.load import EXAMPLE, Load

PROJECT = Path(__file__).resolve().parents[2]
KEY = "churn chance"
REGISTRY = {"mlflow", "prefect", "worker", "localstack", "front-page", "reports", "registry-proxy"}


def test_serving_before_the_registry_is_up_says_what_is_missing(stack):
    said = stack.make("setup-model-serve", succeeds=False)
    assert "churn-test" in said
    assert "make setup-model-registry env=local" in said


def test_the_registry_comes_up_healthy(stack):
    stack.copied("make setup-model-registry")
    assert set(stack.containers()) == REGISTRY
    assert "<h1>Model health</h1>" in stack.get("reports", "/")


def test_aws_is_prepared_from_a_container(stack):
    said = stack.copied("make init_aws")
    assert "stream   predictions" in said
    assert set(stack.kinesis().list_streams()["StreamNames"]) == {"predictions", "results", "dead-letters", "labels"}


def test_serving_without_a_model_says_to_train(stack):
    assert "make apply-model-train-flow" in stack.make("setup-model-serve", succeeds=False)


def test_the_training_flow_runs_in_the_worker_through_prefect(stack):
    stack.copied("make apply-model-train-flow")
    runs = stack.prefect("/api/flow_runs/filter", {"sort": "START_TIME_DESC"})
    done = [run for run in runs if run["state_type"] == "COMPLETED"]
    assert done
    assert done[0]["work_pool_name"] == "churn"


def runs_of(stack) -> list[str]:
    """Every trial's run id, as MLflow's own interface lists them; the champion first."""
    found = stack.json("mlflow", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=credit_card_churn")
    body = json.dumps({"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 100}).encode()
    request = urllib.request.Request(
        stack.url("mlflow", "/api/2.0/mlflow/runs/search"), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        runs = json.load(answer)["runs"]
    parents = {tag["value"] for run in runs for tag in run["data"]["tags"] if tag["key"] == "mlflow.parentRunId"}
    trials = [run["info"]["run_id"] for run in runs if run["info"]["run_id"] not in parents]
    alias = "/api/2.0/mlflow/registered-models/alias?name=credit_card_churn&alias=champion"
    champion = stack.json("mlflow", alias)["model_version"]["run_id"]
    return [champion, *(run for run in trials if run != champion)]


def test_training_again_like_a_run_reproduces_it(stack):
    assert "reproduced, every trial" in stack.make("retrain", f"like={runs_of(stack)[0]}")


def test_the_servers_come_up_with_the_champion(stack):
    began = time.monotonic()
    stack.copied("make setup-model-serve")
    print(f"setup-model-serve: {time.monotonic() - began:.0f} s")
    answer = stack.predict(EXAMPLE)
    assert 0 <= answer[KEY] <= 1
    assert answer["model_run_id"] == runs_of(stack)[0]
    said = stack.copied("make status")
    assert all(name in said for name in ("api", "mlflow", "prefect", "reports", "grafana", "prometheus"))


def test_a_record_on_the_stream_comes_out_with_the_score_that_http_gives(stack, waiting):
    expected = json.loads(stack.copied("curl"))[KEY]
    assert "SequenceNumber" in stack.copied("docker exec")
    kinesis = stack.kinesis()

    def answers() -> list[dict]:
        shards = kinesis.list_shards(StreamName="results")["Shards"]
        iterators = [
            kinesis.get_shard_iterator(StreamName="results", ShardId=one["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for one in shards
        ]
        records = [json.loads(r["Data"]) for i in iterators for r in kinesis.get_records(ShardIterator=i)["Records"]]
        return [record for record in records if record["partition_key"] == "walk"]

    (answer,) = waiting(answers, 30, "the answer on the stream results")
    assert answer[KEY] == expected
    store = MongoClient(stack.url("store").replace("http", "mongodb"))["prediction_service"]["data"]
    waiting(lambda: store.count_documents({"_id": answer["prediction_id"]}) == 1, 20, "the document in the store")


def test_a_prediction_of_each_source_replays_bit_identically_and_what_served_then_is_told(stack, waiting):
    store = MongoClient(stack.url("store").replace("http", "mongodb"))["prediction_service"]["data"]
    for source in ("api", "stream"):
        found = waiting(lambda source=source: store.find_one({"source": source}), 20, f"a prediction by {source}")
        assert "every bit agrees" in stack.make("replay", f"id={found['_id']}")
        said = stack.make("live", f"at={found['made_at']:%Y-%m-%dT%H:%M:%S}Z")
        assert found["run_id"] in said


def test_the_simulators_fill_the_window_and_prometheus_shows_the_drift_gauges(stack, waiting):
    waiting(lambda: stack.query("monitor_drift_known == 1"), 120, "a window that was compared")
    assert stack.query("monitor_dataset_drift")
    targets = {one["metric"]["instance"]: one["value"][1] for one in stack.query("up")}
    assert set(targets.values()) == {"1"}, targets
    assert len(targets) == 6, targets
    rules = stack.json("prometheus", "/api/v1/rules")["data"]["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} == {"ok"}
    assert stack.json("prometheus", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]


OF_MULTICLASS_MODELS = "monitor_predicted_class_"  # the stack's table has two classes
OF_CHALLENGERS = "shadow_gain"  # none is in the shadow yet
OF_LABELS, OF_LABELS_SECONDS = re.compile("monitor_quality|mean_loss"), 600
"""Labels come a minute after their predictions; the alarm on quality rests on them once their block is over."""
TARGETS = [
    pytest.param(target, id=f"{file.stem}: {panel['title']} {target['refId']}")
    for file in sorted(DASHBOARDS.glob("*.json"))
    for panel in json.loads(file.read_text())["panels"]
    for target in panel.get("targets", [])
    if OF_MULTICLASS_MODELS not in target["expr"] and OF_CHALLENGERS not in target["expr"]
]


@pytest.mark.parametrize("target", TARGETS)
def test_every_panel_has_something_to_show(stack, waiting, target):
    query = target["expr"].replace("$table", ".*")
    assert waiting(lambda: stack.query(query), OF_LABELS_SECONDS if OF_LABELS.search(query) else 90, query)


@pytest.fixture(scope="module")
def grafana(stack):
    """Grafana itself; where the images are stand-ins, there is none."""
    found = Grafana(stack.url("grafana"), "admin:admin")
    if found.is_stand_in():
        pytest.skip("the image of Grafana is a stand-in, which has no dashboards")
    return found


def test_grafana_has_the_dashboards_and_one_of_them_is_its_home(grafana):
    files = {json.loads(file.read_text())["uid"]: file.stem for file in DASHBOARDS.glob("*.json")}
    assert {one["uid"] for one in grafana.ask("/api/search?type=dash-db")} == set(files)
    for uid, name in files.items():
        told = grafana.ask(f"/api/dashboards/uid/{uid}")
        assert told["meta"]["provisioned"], name
        written = json.loads((DASHBOARDS / f"{name}.json").read_text())["panels"]
        assert [panel["title"] for panel in told["dashboard"]["panels"]] == [panel["title"] for panel in written]
    assert grafana.ask("/api/dashboards/home")["dashboard"]["title"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_panel_of_grafana_shows_something(grafana, waiting, target):
    seconds = OF_LABELS_SECONDS if OF_LABELS.search(target["expr"]) else 90
    assert waiting(lambda: grafana.values(target), seconds, target["expr"])


def test_a_report_page_is_shown_by_nginx(stack):
    stack.copied("make apply-prediction-reporting")
    index = stack.get("reports", "/reports.html")
    pages = re.findall(r'href="(report-[^"]+\.html)"', index)
    assert len(pages) == 1
    assert 'href="history.html"' in index
    assert "<svg" in stack.get("reports", "/history.html")
    assert "<svg" in stack.get("reports", f"/{pages[0]}")


def test_the_front_page_says_that_every_container_responds_and_what_is_served(stack, waiting):
    served = stack.predict(EXAMPLE)["model_run_id"]
    words = ["Every service responds", served, "grafana</a>", "report-"]
    assert waiting(lambda: all(word in stack.get("reports", "/") for word in words), 60, "the front page")


PAGES = [
    pytest.param("reports", "/", ["Model health", "Drift reports", ".html"], id="reports"),
    pytest.param("mlflow", "/#/models/credit_card_churn", ["credit_card_churn", "champion"], id="mlflow"),
    pytest.param("prefect", "/deployments", ["train", "report"], id="prefect"),
]


@pytest.mark.parametrize(("name", "path", "words"), PAGES)
def test_a_browser_shows_the_page(stack, name, path, words):
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=quiet)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        if name == "prefect":  # as its login page does, once the login is typed
            login = json.dumps(stack.secrets()["prefect_auth_string"])
            page.add_init_script(f"localStorage.setItem('prefect-password', btoa({login}))")
        page.goto(stack.url(name, path).replace("127.0.0.1", "localhost"))
        for word in words:
            page.wait_for_function(
                "word => document.documentElement.innerHTML.includes(word)", arg=word, timeout=60_000
            )
        (PROJECT / "build").mkdir(exist_ok=True)
        page.wait_for_timeout(1000)
        page.screenshot(path=str(PROJECT / "build" / f"{name}.png"))
        browser.close()


def test_another_run_is_deployed_under_load_without_a_failed_request(stack):
    champion, other = runs_of(stack)[:2]
    began = time.monotonic()
    with Load(stack.ports["api"]) as load:
        stack.copied("make deploy", fill_in=other)
        seconds = time.monotonic() - began
        time.sleep(1)
    per_second = len(load.answers) / (seconds + 1)
    print(f"deploy: {seconds:.1f} s, {len(load.answers)} requests, {per_second:.0f}/s, {len(load.failed)} failed")
    assert load.failed == []
    assert {run for _, run in load.answers} == {champion, other}
    assert stack.predict(EXAMPLE)["model_run_id"] == other
    assert stack.settings["RUN_ID"] == other


def test_a_run_that_does_not_exist_is_not_deployed(stack):
    before = stack.settings["RUN_ID"]
    said = stack.make("deploy", "RUN_ID=0123456789abcdef0123456789abcdef", succeeds=False)
    assert "Nothing was changed" in said
    assert stack.settings["RUN_ID"] == before == stack.predict(EXAMPLE)["model_run_id"]


def test_a_run_that_does_not_come_up_in_time_is_replaced_by_the_one_before(stack):
    before = stack.settings["RUN_ID"]
    with Load(stack.ports["api"]) as load:
        said = stack.make("deploy", f"RUN_ID={runs_of(stack)[2]}", "READY_SECONDS=1", succeeds=False)
    assert "Putting back" in said
    assert load.failed == []
    assert stack.settings["RUN_ID"] == before == stack.predict(EXAMPLE)["model_run_id"]


def test_rollback_brings_back_what_was_before(stack):
    stack.copied("make rollback")
    assert stack.settings["RUN_ID"] == ""
    assert stack.predict(EXAMPLE)["model_run_id"] == runs_of(stack)[0]


OURS = ("serving", "simulators", "monitor", "flows", "mlflow")
BROKEN = {
    "v0.0.2": ("server/api/app.py", "raise SystemExit('the API ends at its start, on purpose')"),
    "v0.0.3": (
        "tabular/predictions/prediction.py",
        "_reply = reply\\nreply = lambda one, c: _reply(one, c) | {c.reply.prediction_key: 0.5}",
    ),
    "v0.0.4": (
        "tabular/model/xgboost.py",
        "_many = XGBoostScorer.many\\nXGBoostScorer.many = lambda self, rows: _many(self, rows) / 2",
    ),
}


@pytest.fixture(scope="module")
def versions(stack, docker_command):
    """Images of other versions: one that works, and three whose code is broken, each in another way."""
    made = []
    for tag in ("v0.0.1", *BROKEN):
        for name in OURS:
            lines = [f"FROM churn-{name}:dev", f"LABEL org.opencontainers.image.version={tag}"]
            if tag in BROKEN and name == "serving":
                file, code = BROKEN[tag]
                lines += ["USER root", f"RUN printf '\\n%b\\n' \"{code}\" >>/app/{file}", "USER app"]
            build_image(f"churn-{name}:{tag}", lines)
            made.append(f"churn-{name}:{tag}")
    yield
    for image in made:
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


def build_image(image, lines):
    command = ["docker", "build", "--quiet", "--tag", image, "-"]
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input="\n".join(lines), env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def tags_in_use(stack, docker_command) -> set[str]:
    images = [docker_command("inspect", "-f", "{{.Config.Image}}", one).strip() for one in stack.containers().values()]
    return {image.rpartition(":")[2] for image in images if image.startswith("churn-")}


def test_another_version_is_deployed_under_load_without_a_failed_request(stack, versions, docker_command, waiting):
    assert tags_in_use(stack, docker_command) == {"dev"}
    count, began = len(stack.containers()), time.monotonic()
    with Load(stack.ports["api"]) as load:
        said = stack.make("deploy", "VERSION=v0.0.1")
        seconds = time.monotonic() - began
    print(f"deploy of a version: {seconds:.1f} s, {len(load.answers)} requests, {len(load.failed)} failed")
    assert "dev was replaced by v0.0.1" in said
    assert load.failed == []
    assert len(load.answers) > 1_000
    assert tags_in_use(stack, docker_command) == {"v0.0.1"}
    assert len(stack.containers()) == count
    one = stack.containers()["serve-api-a"]
    label = docker_command("inspect", "-f", '{{index .Config.Labels "org.opencontainers.image.version"}}', one)
    assert label.strip() == "v0.0.1"
    assert stack.settings["IMAGE_TAG"] == "v0.0.1"


@pytest.mark.parametrize("tag", BROKEN)
def test_a_broken_version_is_taken_back_without_a_failed_request(stack, versions, docker_command, tag):
    run = stack.predict(EXAMPLE)["model_run_id"]
    with Load(stack.ports["api"]) as load:
        said = stack.make("deploy", f"VERSION={tag}", "READY_SECONDS=30", succeeds=False)
    assert load.failed == []
    assert len(load.answers) > 100
    assert "Nothing was changed: v0.0.1 still runs" in said
    assert "Replacing" not in said
    assert tags_in_use(stack, docker_command) == {"v0.0.1"}
    assert stack.settings["IMAGE_TAG"] == "v0.0.1"
    assert stack.predict(EXAMPLE)["model_run_id"] == run


def test_a_version_that_does_not_come_up_in_time_is_replaced_by_the_one_before(stack, versions, docker_command):
    with Load(stack.ports["api"]) as load:
        said = stack.make("deploy", "VERSION=dev", "READY_SECONDS=1", succeeds=False)
    assert "VERSION dev was not deployed; v0.0.1 runs again" in said
    assert load.failed == []
    assert tags_in_use(stack, docker_command) == {"v0.0.1"}


def test_a_run_is_promoted_and_rolled_back_under_load_without_a_failed_request(stack):
    champion, other = runs_of(stack)[:2]
    with Load(stack.ports["api"]) as load:
        said = stack.make("promote", f"RUN_ID={other}", 'why=It is "better".', "by=ann")
        assert f"is RUN_ID {other}" in said
        time.sleep(10)
        assert stack.predict(EXAMPLE)["model_run_id"] == other
        stack.make("rollback", "why=It was worse.", "by=ann")
        time.sleep(10)
    assert load.failed == []
    assert {run for _, run in load.answers} == {champion, other}
    assert stack.predict(EXAMPLE)["model_run_id"] == champion
    told = stack.make("ledger", "kind=promoted,rolled_back", "n=2")
    assert "engineer ann" in told
    assert 'It is "better".' in told
    said = stack.make("promote", f"RUN_ID={'f' * 32}", "why=Why not?", succeeds=False)
    assert "not done" in said


def test_the_monitor_may_start_the_flow_that_reacts_to_its_alarms(stack, docker_command):
    code = "from tabular.wiring import wire; wire().flows().start('react/react', 'an-alarm-of-this-test')"
    line = ("sh", "containers/entrypoint.sh", "python", "-c", code)
    for _ in range(2):
        docker_command("exec", stack.containers()["monitor"], *line)
    runs = stack.prefect("/api/flow_runs/filter", {"sort": "START_TIME_DESC"})
    assert [run["idempotency_key"] for run in runs].count("an-alarm-of-this-test") == 1


def test_every_container_but_localstack_is_an_ordinary_user_on_a_read_only_root(stack, docker_command):
    containers = stack.containers()
    assert len(containers) == 20
    for service, one in containers.items():
        if service == "localstack":
            continue
        assert docker_command("exec", one, "id", "-u").strip() != "0", service
        told = json.loads(docker_command("inspect", one))[0]
        assert told["HostConfig"]["ReadonlyRootfs"], service
        for ports in told["NetworkSettings"]["Ports"].values():
            assert {port["HostIp"] for port in ports or []} <= {"127.0.0.1"}, service


PUBLISHED = ["api", "mlflow", "prefect", "reports", "grafana", "monitor", "prometheus", "alertmanager", "emulator"]
ASKED = {"mlflow": "/api/2.0/mlflow/experiments/search?max_results=1", "prefect": "/api/admin/version"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_foreign_web_page_is_permitted_nothing(stack, name):
    assert permissions("127.0.0.1", stack.ports[name], ASKED.get(name, "/")) == []
    assert permissions("127.0.0.1", stack.ports[name], "/") == []


@pytest.mark.parametrize("name", ["prefect", "reports", "grafana", "monitor", "prometheus", "alertmanager"])
def test_a_picture_in_a_foreign_page_is_not_fetched_and_a_link_may_be_followed(stack, name):
    for site, mode, is_refused in (
        ("cross-site", "no-cors", True),
        ("same-site", "cors", True),
        ("same-origin", "cors", False),
        ("cross-site", "navigate", False),
    ):
        connection = HTTPConnection("127.0.0.1", stack.ports[name], timeout=20)
        connection.request("GET", "/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})
        assert (connection.getresponse().status == 403) == is_refused, (site, mode)


def test_the_store_speaks_no_http_that_a_page_could_read(stack):
    with contextlib.suppress(OSError, HTTPException):
        assert permissions("127.0.0.1", stack.ports["store"]) == []


def test_prefect_asks_for_a_login_though_none_was_set_and_status_says_where_it_is(stack):
    request = urllib.request.Request(stack.url("prefect", "/api/flow_runs/filter"), b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401
    assert ".state/churn-test/secrets/prefect_auth_string" in stack.make("status")


def test_the_metrics_of_the_api_are_not_passed_on(stack):
    for path in ("/metrics", "/metrics/", "//metrics", "/health/../metrics", "/%6detrics"):
        connection = HTTPConnection("127.0.0.1", stack.ports["api"], timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 404, path


def has_answer(client: socket.socket) -> bool:
    watch = select.poll()  # `select` itself cannot look at so many
    watch.register(client, select.POLLIN)
    return bool(watch.poll(0))


def test_one_client_cannot_take_every_place_and_whoever_says_nothing_is_ended(stack, docker_command, waiting):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
    with contextlib.ExitStack() as opened:

        def client(sends: bytes) -> socket.socket:
            one = opened.enter_context(socket.create_connection(("127.0.0.1", stack.ports["api"]), timeout=10))
            one.sendall(sends)
            return one

        silent = [client(b"P") for _ in range(1_400)]
        without_body = [client(head) for _ in range(300)]
        waiting(lambda: sum(map(has_answer, without_body)) >= 300 - 256, 8, "an answer to those beyond the limit")
        ask = "import urllib.request as u; print(u.urlopen('http://serve-api:9696/health/ready', timeout=8).status)"
        assert docker_command("exec", stack.containers()["serve-api-a"], "python", "-c", ask).strip() == "200"
        beyond = next(one for one in without_body if has_answer(one))
        assert beyond.recv(100).startswith(b"HTTP/1.1 429 ")
        waiting(lambda: all(map(has_answer, silent)), 30, "the end of those who say nothing")
    waiting(lambda: stack.predict(EXAMPLE), 30, "an answer to the next request")


@pytest.mark.parametrize("service", ["serve-api-a", "serve-kinesis", "monitor", "worker", "mlflow", "send_data-api"])
def test_an_image_has_the_list_of_what_is_in_it(stack, docker_command, service):
    one = stack.containers()[service]
    listed = json.loads(docker_command("exec", one, "cat", "/opt/sbom.cdx.json"))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    says = {component["name"].lower().replace("_", "-"): component["version"] for component in listed["components"]}
    code = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    found = json.loads(docker_command("exec", one, "python", "-c", code))
    installed = {name.lower().replace("_", "-").replace(".", "-"): version for name, version in found}
    assert len(installed) > 30
    assert {name: version for name, version in installed.items() if says.get(name) != version} == {}


def killed(docker_command, one: str) -> None:
    """Kill -9 of the container's own process, from outside: `docker kill` would not count as a crash."""
    main = docker_command("inspect", "-f", "{{.State.Pid}}", one).strip()
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    for pid in children or [main]:
        os.kill(int(pid), 9)


def test_every_container_comes_back_from_kill_9_and_no_answered_prediction_is_lost(stack, waiting, docker_command):
    store = MongoClient(stack.url("store").replace("http", "mongodb"))["prediction_service"]["data"]
    answered: list[str] = []
    unanswered: Counter[str] = Counter()

    def state(one: str, what: str) -> str:
        return docker_command("inspect", "-f", f"{{{{.{what}}}}}", one).strip()

    def is_back(service: str, one: str, restarts: int) -> bool:
        # The replicas one after the other, as in a deploy; with all others it does not matter.
        is_ready = not service.startswith("serve-api-") or state(one, "State.Health.Status") == "healthy"
        return is_ready and int(state(one, "RestartCount")) > restarts and state(one, "State.Running") == "true"

    for service, one in sorted(stack.containers().items()):
        restarts = int(state(one, "RestartCount"))
        killed(docker_command, one)
        for _ in range(5):
            try:
                answered.append(stack.predict(EXAMPLE)["prediction_id"])
            except (OSError, HTTPException):
                unanswered[service] += 1
        waiting(partial(is_back, service, one, restarts), 60, f"{service} running again")
        waiting(lambda: stack.predict(EXAMPLE), 30, f"an answer after {service} was killed")
    waiting(
        lambda: {state(one, "State.Health.Status") for one in stack.containers().values()} == {"healthy"},
        240,
        "everything healthy again",
    )
    assert len(stack.containers()) == 20
    # Without its one front door the API is away; a replica killed in the middle of an answer cannot end that one.
    assert unanswered.pop("serve-api", 0) <= 5
    assert all(service.startswith("serve-api-") and count <= 1 for service, count in unanswered.items()), unanswered
    waiting(lambda: store.count_documents({"_id": {"$in": answered}}) == len(answered), 60, "every prediction stored")


def test_after_localstack_was_killed_the_stream_door_and_the_training_go_on_by_themselves(stack, waiting):
    stack.make("apply-model-train-flow")
    store = MongoClient(stack.url("store").replace("http", "mongodb"))["prediction_service"]["data"]
    before = store.count_documents({"source": "stream"})
    for _ in range(20):
        stack.kinesis().put_record(StreamName="predictions", PartitionKey="again", Data=json.dumps(EXAMPLE).encode())
    waiting(lambda: store.count_documents({"source": "stream"}) >= before + 20, 60, "twenty more stream predictions")


def test_stop_serve_leaves_the_registry_and_reset_all_leaves_nothing(stack, docker_command):
    stack.copied("make stop-serve")
    assert set(stack.containers()) == REGISTRY
    stack.copied("make reset_all", types="y\n")
    assert stack.readme == [], "a line of the README's walk was left out"
    assert stack.containers() == {}
    assert docker_command("volume", "ls", "-q", "--filter", "name=churn-test").split() == []
    assert "Nothing was running" in stack.make("stop")
    stack.make("reset_all", "yes=1")
