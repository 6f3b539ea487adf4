"""One server for several tables: each with its own paths, model, pin, documents and metrics."""

from __future__ import annotations

import json

import pytest

from embedded.layout import PROJECT
from embedded.services.service import tail
from tabular.contract.loading import load_contract
from tabular.errors import Unavailable

NAMES = ("credit_card_churn", "telecom_churn", "taxi_rides")
TABLES = ",".join(NAMES)
OTHER_RUN = "bbbb"
PATH = "/tables/telecom_churn"


@pytest.fixture(scope="module")
def other():
    return load_contract(PROJECT / "contracts" / "telecom_churn.toml")


@pytest.fixture(scope="module")
def state(tmp_path_factory, make_bundle, contract, other):
    """The local copies of a run of each of two tables; the third has none, and the registry is down."""
    state = tmp_path_factory.mktemp("tables")
    make_bundle(contract, state / "bundles" / "aaaa")
    make_bundle(other, state / "bundles" / OTHER_RUN)
    return state


@pytest.fixture(scope="module")
def api(run_api, state):
    with run_api(state, TABLES=TABLES, RUN_ID_TELECOM_CHURN=OTHER_RUN, API_WORKERS="1") as api:
        yield api


def test_each_table_is_served_by_its_own_run_under_its_own_path(api, contract, other):
    status, first = api.predict(contract.example)
    assert (status, first["model_run_id"]) == (200, "aaaa")
    assert api.predict(contract.example, "/tables/credit_card_churn/predict")[1]["model_run_id"] == "aaaa"
    status, second = api.predict(other.example, f"{PATH}/predict")
    assert (status, second["model_run_id"]) == (200, OTHER_RUN)
    assert other.reply.prediction_key in second
    status, batch = api.predict([other.example, other.example], f"{PATH}/predict/batch")
    assert (status, batch["served"]) == (200, 2)
    status, explained = api.predict(other.example, f"{PATH}/predict?explain=1")
    assert (status, set(explained["contributions"])) == (200, set(other.input_names))


def test_a_row_of_another_table_is_rejected_and_the_remedy_names_the_right_paths(api, contract):
    status, response = api.predict(contract.example, f"{PATH}/predict")
    assert status == 422
    assert response["error"]["remedy"].endswith(f"{PATH}/openapi.json has the schema.")
    status, response = api.predict([contract.example], f"{PATH}/predict/batch")
    assert (status, response["rejected"]) == (200, 1)
    assert response["predictions"][0]["error"]["remedy"].endswith(f"{PATH}/openapi.json has the schema.")
    assert api.predict({}, "/predict")[1]["error"]["remedy"].endswith("again; /openapi.json has the schema.")


def test_the_same_key_may_go_to_two_tables(api, contract, other):
    first = api.predict(contract.example, "/predict", Idempotency_Key="order-7")
    second = api.predict(other.example, f"{PATH}/predict", Idempotency_Key="order-7")
    assert first[0] == second[0] == 200
    assert first[1]["prediction_id"] != second[1]["prediction_id"]
    assert api.predict(other.example, f"{PATH}/predict", Idempotency_Key="order-7") == second


def test_a_table_without_a_model_is_503_with_the_reason_and_the_others_are_served(api, contract):
    status, response = api.predict({}, "/tables/taxi_rides/predict")
    assert status == 503
    assert "a model of the table taxi_rides is not available: the model registry" in response["error"]["message"]
    ready = json.loads(api.ask("GET", "/health/ready")[2])
    assert (ready["status"], ready["model_run_id"]) == ("ready", "aaaa")
    assert {name: one["status"] for name, one in ready["tables"].items()} == dict(
        zip(NAMES, ("ready", "ready", "no model"), strict=True)
    )
    assert "127.0.0.1" not in json.dumps(ready["tables"])
    assert api.predict(contract.example)[0] == 200


def test_the_tables_are_listed_and_an_unknown_one_is_told_with_them(api):
    status, _, body = api.ask("GET", "/tables")
    listed = json.loads(body)["tables"]
    assert status == 200
    assert [one["name"] for one in listed] == list(NAMES)
    assert [one["predict"] for one in listed] == ["/predict", f"{PATH}/predict", "/tables/taxi_rides/predict"]
    for method, path in (("POST", "/tables/nowhere/predict"), ("GET", "/tables/nowhere/docs"), ("GET", "/tables/x")):
        status, _, body = api.ask(method, path)
        assert (status, json.loads(body)["error"]["code"]) == (404, "unknown_table")
        assert "credit_card_churn, telecom_churn, taxi_rides" in json.loads(body)["error"]["remedy"]
    status, _, body = api.ask("GET", f"{PATH}/nothing")
    assert (status, json.loads(body)["error"]["code"]) == (404, "not_found")


def test_each_table_has_its_description_and_its_page(api, other):
    document = json.loads(api.ask("GET", f"{PATH}/openapi.json")[2])
    assert {f"{PATH}/predict", f"{PATH}/predict/batch", f"{PATH}/docs"} <= document["paths"].keys()
    assert set(document["components"]["schemas"]["Record"]["properties"]) == set(other.feature_names)
    page = api.ask("GET", f"{PATH}/docs")[2].decode()
    assert f'data-path="{PATH}/predict"' in page
    assert 'href="/docs"' in page  # the first table's
    assert api.ask("GET", PATH)[1]["Location"] == f"{PATH}/docs"


def test_requests_and_rows_are_counted_by_table(api, other):
    before = api.metric("http_requests_total", route="/predict", table="telecom_churn", status="200")
    api.predict(other.example, f"{PATH}/predict")
    assert api.metric("http_requests_total", route="/predict", table="telecom_churn", status="200") == before + 1
    assert api.metric("http_request_duration_seconds_count", route="/predict", table="telecom_churn") == before + 1
    assert api.metric("api_rows_total", table="telecom_churn", outcome="served") > 0
    assert api.metric("api_model_workers", table="telecom_churn", run_id=OTHER_RUN) == 1
    assert api.metric("api_model_workers", table="credit_card_churn", run_id="aaaa") == 1


def test_a_key_is_asked_for_at_every_table(run_api, state, other):
    with run_api(state, TABLES=TABLES, RUN_ID_TELECOM_CHURN=OTHER_RUN, API_WORKERS="1", API_KEY="secret") as api:
        assert api.predict(other.example, f"{PATH}/predict")[0] == 401
        assert api.ask("GET", "/tables")[0] == 401
        assert api.predict(other.example, f"{PATH}/predict", X_API_Key="secret")[0] == 200


@pytest.mark.parametrize(
    ("pins", "why"),
    [
        ({"RUN_ID_TELECOM_CHURN": "aaaa"}, "the run aaaa is a model of the table credit_card_churn, and telecom_churn"),
        ({"RUN_ID_IRIS": "aaaa"}, "RUN_ID_IRIS='aaaa' cannot be used: this stack has no such table"),
    ],
)
def test_a_pin_that_cannot_be_served_stops_the_start_with_the_reason(run_api, state, pins, why):
    with pytest.raises(Unavailable, match="exited with code 4"), run_api(state, TABLES=TABLES, **pins):
        pass
    assert f"the API does not start: {why}" in tail(state / "api.log", 40)
