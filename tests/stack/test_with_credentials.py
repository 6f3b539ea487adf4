"""The stack with env=cloud: it works with its credentials, and without them nobody gets in."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tabular.contract import load_contract

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = load_contract(PROJECT / "contracts/credit_card_churn.toml").example


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
    answered = 'sum(api_requests_total{status="200"})'
    waiting(lambda: float(cloud.query(answered)[0]["value"][1]) > 20, 60, "answers to the simulator")


def test_a_report_is_written_and_nothing_stays_behind(cloud):
    cloud.make("apply-prediction-reporting")
    cloud.make("reset_all", "yes=1")
    assert cloud.containers() == {}
