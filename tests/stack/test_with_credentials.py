"""The stack with env=cloud: it works with its credentials, and without them nobody gets in."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tabular.contract.loading import load_contract
from tests.foreign_page import permissions
from tests.service_secrets import SECRETS_BY_SERVICE

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = load_contract(PROJECT / "contracts/credit_card_churn.toml").example


COMPOSED = {
    service: one
    for name in ("model-registry", "serve")
    for service, one in yaml.safe_load((PROJECT / f"docker-compose-{name}.yml").read_text())["services"].items()
}


def status(url: str, headers: dict[str, str], body: bytes | None = None) -> int:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def login(name_and_password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(name_and_password.encode()).decode()}"}


def test_the_registry_comes_up_and_its_parts_know_one_another(cloud):
    cloud.make("setup-model-registry")
    cloud.make("init_aws")
    assert "The champion is RUN_ID" in cloud.make("apply-model-train-flow")


@pytest.mark.parametrize(
    ("database", "table"), [("mlflow", "runs"), ("mlflow", "registered_models"), ("prefect", "flow_run")]
)
def test_what_mlflow_and_prefect_keep_is_in_postgres(cloud, docker_command, database, table):
    ask = ("psql", "-U", "postgres", "-d", database, "-Atc", f"SELECT count(*) FROM {table}")
    assert int(docker_command("exec", cloud.containers()["postgres"], *ask)) > 0


def test_bundles_are_in_the_bucket_and_no_user_of_postgres_reaches_another_s_database(cloud, docker_command):
    files = docker_command("exec", cloud.containers()["mlflow"], "find", "/mlflow", "-type", "f").split()
    assert files == ["/mlflow/users.db"]
    bundles = cloud.objects("feature-store", "mlflow/")
    assert len([key for key in bundles if key.endswith("/bundle/manifest.json")]) == 6  # as many as trials
    password = cloud.secrets()["postgres_password_prefect"]
    ask = f"PGPASSWORD={password} psql -h 127.0.0.1 -U prefect -d mlflow -Atc 'SELECT 1' 2>&1 || true"
    assert "permission denied for database" in docker_command("exec", cloud.containers()["postgres"], "sh", "-c", ask)


MODEL = "/api/2.0/mlflow/registered-models/get?name=credit_card_churn"
PAGES = [
    ("mlflow", MODEL, login("mlflow_tracking_username-for-this-test:mlflow_tracking_password-for-this-test")),
    ("prefect", "/api/version", login("flows:prefect-for-this-test")),
    ("reports", "/", login("reports_username-for-this-test:reports_password-for-this-test")),
]


@pytest.mark.parametrize(("name", "path", "right"), PAGES, ids=[page[0] for page in PAGES])
def test_a_page_wants_its_login(cloud, name, path, right):
    url = cloud.url(name, path)
    assert status(url, {}) == 401
    assert status(url, login("admin:admin")) == 401
    assert status(url, right) == 200


def test_the_api_wants_its_key_and_the_simulators_have_it(cloud, waiting):
    cloud.make("setup-model-serve")
    url, body = cloud.url("api", "/predict"), json.dumps(EXAMPLE).encode()
    assert status(url, {}, body) == 401
    assert status(url, {"X-API-Key": "wrong"}, body) == 401
    assert status(url, {"X-API-Key": "api_key-for-this-test"}, body) == 200
    answered = 'sum(http_requests_total{status="200"})'
    waiting(lambda: float(cloud.query(answered)[0]["value"][1]) > 20, 60, "answers to the simulator")


def test_the_api_has_tls_and_takes_up_a_renewed_certificate(cloud, waiting):
    file = Path(cloud.certificate)

    def predicted() -> int:
        context = ssl.create_default_context(cafile=str(file))
        headers = {"Content-Type": "application/json", "X-API-Key": "api_key-for-this-test"}
        url = f"https://localhost:{cloud.ports['tls']}/predict"
        with urllib.request.urlopen(
            urllib.request.Request(url, json.dumps(EXAMPLE).encode(), headers), timeout=15, context=context
        ) as answer:
            return answer.status

    assert predicted() == 200
    connection = http.client.HTTPConnection("localhost", cloud.ports["tls_redirect"], timeout=15)
    connection.request("POST", "/predict", b"{}")
    response = connection.getresponse()
    assert response.status == 308
    assert response.headers["Location"].startswith("https://localhost")
    cloud.renew_certificate()
    cloud.make("renew-tls")
    waiting(lambda: predicted() == 200, 30, "the renewed certificate")


ELSEWHERE = {"/etc/prometheus/api_key": "API_KEY", "/etc/alertmanager/alertmanager.yml": "ALERTMANAGER_CONFIG"}


def test_no_container_has_a_secret_that_it_does_not_use_nor_shows_one_in_docker_inspect(cloud, docker_command):
    secrets = {name: text for name, text in cloud.secrets().items() if text and not name.endswith("_username")}
    assert len(secrets) >= 10
    given = {service: {secret["source"] for secret in one.get("secrets", [])} for service, one in COMPOSED.items()}
    found = {}
    for service, one in cloud.containers().items():
        told = docker_command("inspect", one)
        assert [name for name, text in secrets.items() if text in told] == [], service
        listed = f"ls /run/secrets {' '.join(ELSEWHERE)} 2>/dev/null || true"
        files = docker_command("exec", one, "sh", "-c", listed)
        names = {name for name in files.split() if not name.startswith("/run/secrets")}
        found[service] = {ELSEWHERE.get(name, name) for name in names}
        show = "cat /run/secrets/* /etc/prometheus/api_key 2>/dev/null || true"
        readable = docker_command("exec", one, "sh", "-c", show)
        own = {secrets[name] for name in given[service] if name in secrets}
        for text in own:  # a database's address holds the password of its user, and no other's
            readable = readable.replace(text, "")
        assert [text for text in set(secrets.values()) - own if text in readable] == [], service
    assert found == SECRETS_BY_SERVICE


WRITES = [
    ("registered-models/alias", {"name": "credit_card_churn", "alias": "champion", "version": "1"}),
    ("registered-models/set-tag", {"name": "credit_card_churn", "key": "a", "value": "b"}),
    ("model-versions/create", {"name": "credit_card_churn", "source": "mlflow-artifacts:/1/2/artifacts"}),
    ("runs/log-metric", {"run_id": None, "key": "auc", "value": 1, "timestamp": 1}),
    ("runs/delete", {"run_id": None}),
    ("users/create", {"username": "another", "password": "long-enough-for-anybody"}),
]


@pytest.mark.parametrize(("path", "body"), WRITES, ids=[path for path, _ in WRITES])
def test_the_servers_can_read_every_model_and_change_none(cloud, path, body):
    reader = login(f"servers:{cloud.secrets()['mlflow_reader_password']}")
    url = cloud.url("mlflow", "/api/2.0/mlflow/registered-models/alias?name=credit_card_churn&alias=champion")
    with urllib.request.urlopen(urllib.request.Request(url, headers=reader), timeout=15) as answer:
        run_id = json.load(answer)["model_version"]["run_id"]
    sent = json.dumps({key: run_id if value is None else value for key, value in body.items()}).encode()
    assert status(cloud.url("mlflow", f"/api/2.0/mlflow/{path}"), reader, sent) == 403


@pytest.fixture
def store_of(cloud):
    """The store, as whom; skipped on the stand-in, which has no logins."""
    if "mongo_password_servers" not in cloud.secrets() or not cloud.secrets()["mongo_password_servers"]:
        pytest.skip("the image of MongoDB is a stand-in, which knows no login")

    def opened(user: str, password: str | None = None) -> Any:
        given = cloud.secrets()[f"mongo_password_{user}"] if password is None else password
        address = cloud.url("store").removeprefix("http://")
        client = MongoClient(f"mongodb://{user}:{given}@{address}/?authSource=admin", serverSelectionTimeoutMS=5_000)
        return client["prediction_service"]

    return opened


def test_nobody_reads_the_store_without_a_login_or_with_a_wrong_one(cloud, store_of):
    with pytest.raises(OperationFailure):
        MongoClient(cloud.url("store").replace("http", "mongodb"))["prediction_service"]["data"].find_one()
    with pytest.raises(OperationFailure):
        store_of("servers", "wrong")["data"].find_one()


MAY_WRITE = {
    "servers": {"data", "ledger", "report", "blocks", "shadow"},
    "flows": {"data", "ledger", "report", "shadow"},
    "monitor": {"blocks", "loss_blocks", "ledger"},
    "shadow": {"shadow", "shadow_progress", "ledger"},
}


@pytest.mark.parametrize("user", MAY_WRITE)
def test_each_service_reads_the_store_and_writes_what_is_its_own(store_of, user):
    store = store_of(user)
    assert store["data"].find_one() is not None
    for name in sorted(set().union(*MAY_WRITE.values())):
        row = {"_id": f"of-the-test-of-logins-{user}"}
        if name in MAY_WRITE[user]:
            store[name].insert_one(row)
            store_of("servers")[name].delete_one(row)
        elif user != "servers":
            with pytest.raises(OperationFailure):
                store[name].insert_one(row)
    if user != "servers":
        with pytest.raises(OperationFailure):
            store["data"].delete_many({})
        with pytest.raises(OperationFailure):
            store["ledger"].delete_many({})


@pytest.mark.parametrize("name", ["mlflow", "prefect", "reports", "grafana", "monitor", "prometheus", "alertmanager"])
def test_a_foreign_web_page_is_permitted_nothing_even_with_the_login(cloud, name):
    known = {page[0]: page[2] for page in PAGES}
    paths = {page[0]: page[1] for page in PAGES}
    assert permissions("127.0.0.1", cloud.ports[name], paths.get(name, "/"), known.get(name, {})) == []


def test_a_report_is_written_and_nothing_stays_behind(cloud):
    cloud.make("apply-prediction-reporting")
    cloud.make("reset_all", "yes=1")
    assert cloud.containers() == {}
