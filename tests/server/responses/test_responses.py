"""What the API responds: the score of the model, in the words of the contract, and how it says what is odd."""

from __future__ import annotations

import json
import math
import uuid

import pytest

from tabular.encoding.row import matrix
from tabular.model.bundle import read_bundle

JSON, NDJSON = "application/json", "application/x-ndjson"


@pytest.fixture(scope="module")
def api(run_api):
    with run_api() as running:
        yield running


@pytest.fixture(scope="module")
def score(api_state):
    """The model's own score of a record."""
    bundle = read_bundle(api_state / "bundles" / "aaaa")
    return lambda record: float(bundle.predict(matrix([bundle.codec.parse(record)]))[0])


def test_one_object_gets_the_models_score_bit_for_bit(api, contract, score):
    status, response = api.predict(contract.example)
    assert status == 200
    assert set(response) == {"churn chance", "model_run_id", "prediction_id", "warnings"}
    assert response["churn chance"] == score(contract.example)
    assert response["model_run_id"] == "aaaa"
    assert response["warnings"] == []
    assert uuid.UUID(response["prediction_id"])


def test_codes_and_labels_in_any_case_and_nulls_are_the_same_record(api, contract):
    by_label = contract.example | {"education_level": "gRADUATE", "income_category": None}
    by_code = contract.example | {"education_level": 2, "income_category": "unknown"}
    assert api.predict(by_label)[1]["churn chance"] == api.predict(by_code)[1]["churn chance"]


@pytest.mark.parametrize("send", ["one", "array", "NDJSON"])
@pytest.mark.parametrize("spelling", [2, 2.0, "2", " 2 ", "2.0", "Graduate", "GRADUATE", " graduate "])
def test_every_spelling_of_a_category_has_the_same_score(api, contract, score, send, spelling):
    record = contract.example | {"education_level": spelling}
    if send == "one":
        status, response = api.predict(record)
    elif send == "array":
        status, response = api.predict([record], "/predict/batch")
        (response,) = response["predictions"]
    else:
        status, _, body = api.ask("POST", "/predict/batch", json.dumps(record).encode(), Content_Type=NDJSON)
        response = json.loads(body)
    assert (status, response["warnings"]) == (200, [])
    assert response["churn chance"] == score(contract.example | {"education_level": "Graduate"})


def test_an_unknown_category_is_treated_as_missing_flagged_and_counted(api, contract, score):
    before = api.metric("api_feature_values_total", feature="card_category", kind="unknown")
    status, response = api.predict(contract.example | {"card_category": "Pink"})
    assert status == 200
    assert response["churn chance"] == score(contract.example | {"card_category": None})
    assert "card_category" in response["warnings"][0]
    assert "'Pink'" in response["warnings"][0]
    assert api.metric("api_feature_values_total", feature="card_category", kind="unknown") == before + 1


def test_a_plausible_value_outside_the_training_range_is_served_flagged_and_counted(api, contract, api_state):
    highest = read_bundle(api_state / "bundles" / "aaaa").profile["credit_limit"][1]
    assert highest < 1_000_000
    before = api.metric("api_feature_values_total", feature="credit_limit", kind="out_of_range")
    status, response = api.predict(contract.example | {"credit_limit": 1_000_000})
    assert status == 200
    assert "credit_limit" in response["warnings"][0]
    assert api.metric("api_feature_values_total", feature="credit_limit", kind="out_of_range") == before + 1


def test_the_public_example_is_served(api, contract):
    status, _ = api.predict(contract.example | {"customer_age": 100, "months_on_book": 4})
    assert status == 200


def test_the_same_idempotency_key_gives_the_same_id_and_another_another(api, contract):
    ids = [api.predict(contract.example, Idempotency_Key=key)[1]["prediction_id"] for key in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]
    assert api.predict(contract.example)[1]["prediction_id"] not in ids


def test_a_batch_serves_each_row_in_order_or_rejects_it_alone(api, contract, score):
    rows = [contract.example, {"gender": "F"}, contract.example | {"customer_age": 30}, 7, contract.example | {"id": 1}]
    status, response = api.predict(rows, "/predict/batch")
    assert status == 200
    assert (response["served"], response["rejected"]) == (2, 3)
    assert [each["row"] for each in response["predictions"]] == [0, 1, 2, 3, 4]
    assert response["predictions"][0]["churn chance"] == score(rows[0])
    assert response["predictions"][2]["churn chance"] == score(rows[2])
    assert len(response["predictions"][1]["error"]["faults"]) == 10
    assert response["predictions"][3]["error"]["code"] == "invalid_record"
    assert response["predictions"][4]["error"]["faults"][0]["field"] == "id"


def test_a_batch_in_which_nothing_can_be_served_says_so_row_by_row(api):
    status, response = api.predict([{}, {}], "/predict/batch")
    assert status == 200
    assert (response["served"], response["rejected"]) == (0, 2)


def test_a_batch_with_a_key_gives_each_row_an_id_of_its_own_twice_the_same(api, contract):
    def ids(key):
        response = api.predict([contract.example] * 3, "/predict/batch", Idempotency_Key=key)[1]
        return [each["prediction_id"] for each in response["predictions"]]

    assert ids("batch") == ids("batch")
    assert len({*ids("batch"), *ids("other")}) == 6
    singles = {api.predict(contract.example, Idempotency_Key=key)[1]["prediction_id"] for key in ("batch", "batch/0")}
    assert not singles & {*ids("batch")}


def test_ndjson_is_served_in_ndjson_and_a_broken_line_is_rejected_alone(api, contract, score):
    line = json.dumps(contract.example).encode()
    status, headers, body = api.ask("POST", "/predict/batch", line + b"\r\n\n{oh\n" + line, Content_Type=NDJSON)
    assert (status, headers["Content-Type"]) == (200, NDJSON)
    first, second, third = [json.loads(text) for text in body.splitlines()]
    assert first["churn chance"] == third["churn chance"] == score(contract.example)
    assert second["error"]["code"] == "not_json"
    assert [first["row"], second["row"], third["row"]] == [0, 1, 2]


def test_readiness_says_what_is_served_and_how_the_outbox_stands(api, contract, api_state):
    status, _, body = api.ask("GET", "/health/ready")
    ready = json.loads(body)
    assert status == 200
    assert ready["model_run_id"] == "aaaa"
    assert ready["bundle"] == read_bundle(api_state / "bundles" / "aaaa").digest
    assert ready["contract"] == {"name": "credit_card_churn", "digest": contract.digest}
    assert ready["outbox"]["predictions"] >= 0
    assert ready["store"]["reachable"] in {None, False}


def test_a_model_of_synthetic_data_is_told_wherever_the_model_is(run_api, make_bundle, contract, tmp_path, api):
    make_bundle(contract, tmp_path / "state" / "bundles" / "aaaa", synthetic=True)
    pages = ("/openapi.json", "/docs")
    with run_api(tmp_path / "state", API_WORKERS="1") as other:
        assert json.loads(other.ask("GET", "/health/ready")[2])["trained_on_synthetic_data"] is True
        assert all(b"was trained on synthetic data" in other.ask("GET", page)[2] for page in pages)
    assert json.loads(api.ask("GET", "/health/ready")[2])["trained_on_synthetic_data"] is False
    assert not any(b"synthetic" in api.ask("GET", page)[2] for page in pages)


def test_live_responds_and_the_root_leads_to_the_docs(api):
    assert json.loads(api.ask("GET", "/health/live")[2]) == {"status": "live"}
    status, headers, _ = api.ask("GET", "/")
    assert (status, headers["Location"]) == (302, "/docs")


def test_the_openapi_document_is_the_contracts(api, contract):
    document = json.loads(api.ask("GET", "/openapi.json")[2])
    record = document["components"]["schemas"]["Record"]
    assert tuple(record["properties"]) == (*contract.feature_names, contract.table.business_key)
    example = document["paths"]["/predict"]["post"]["requestBody"]["content"][JSON]["examples"]["example"]["value"]
    assert api.predict(example)[0] == 200


def test_two_workers_count_into_the_same_metrics(api, contract, wait_for):
    wait_for(lambda: api.metric("api_model_workers", run_id="aaaa") == 2)
    before = api.metric("api_rows_total", outcome="served")
    for _ in range(40):
        api.predict(contract.example)
    seen = {api.metric("api_rows_total", outcome="served") for _ in range(10)}
    assert seen == {before + 40}
    assert api.metric("http_request_duration_seconds_count", route="/predict") == api.metric(
        "http_requests_total", route="/predict"
    )


def test_with_an_api_key_only_those_who_hold_it_are_served(run_api, contract):
    with run_api(API_KEY="s3cret", API_WORKERS="1") as locked:
        for headers in (
            {},
            {"X_API_Key": "wrong"},
            {"Authorization": "Bearer s3cre"},
            {"Authorization": "Basic s3cret"},
        ):
            status, response = locked.predict(contract.example, **headers)
            assert (status, response["error"]["code"]) == (401, "unauthorized")
        for headers in ({"X_API_Key": "s3cret"}, {"Authorization": "Bearer s3cret"}):
            assert locked.predict(contract.example, **headers)[0] == 200
        assert locked.ask("GET", "/health/ready")[0] == 200


@pytest.mark.parametrize("path", ["//metrics", "///metrics", "//docs", "//openapi.json", "/nothing"])
def test_no_spelling_of_a_page_goes_round_the_key(locked_api, path):
    assert locked_api.ask("GET", path)[0] == 401


@pytest.fixture(scope="module")
def locked_api(run_api):
    with run_api(API_KEY="s3cret", API_WORKERS="1") as running:
        yield running


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json"])
def test_with_an_api_key_the_pages_ask_for_it_unless_they_are_open(run_api, path):
    with run_api(API_KEY="s3cret", API_WORKERS="1") as locked:
        assert locked.ask("GET", path)[0] == 401
        assert locked.ask("GET", path, X_API_Key="s3cret")[0] == 200
        assert locked.ask("GET", path, Authorization="bearer s3cret")[0] == 200
    with run_api(API_KEY="s3cret", OPEN_PAGES="1", API_WORKERS="1") as shown:
        assert shown.ask("GET", path)[0] == 200
        assert shown.ask("POST", "/predict")[0] == 401


def test_a_request_that_asks_for_it_is_told_why_and_one_that_does_not_is_not(api, contract, score):
    plain = api.predict(contract.example)[1]
    status, response = api.predict(contract.example, "/predict?explain=1")
    assert status == 200
    assert response["churn chance"] == plain["churn chance"] == score(contract.example)
    assert response.keys() - plain.keys() == {"base", "contributions"}
    margin = response["base"] + sum(response["contributions"].values())
    assert 1 / (1 + math.exp(-margin)) == pytest.approx(response["churn chance"], abs=1e-6)
    batch = api.predict([contract.example, {}], "/predict/batch?explain=1")[1]
    assert batch["predictions"][0]["contributions"] == pytest.approx(response["contributions"], abs=1e-6)
    assert "error" in batch["predictions"][1]
    status, error = api.predict(contract.example, "/predict?explain=perhaps")
    assert (status, error["error"]["code"]) == (400, "bad_query")
    lines = json.dumps(contract.example).encode()
    body = api.ask("POST", "/predict/batch?explain=true", lines, Content_Type=NDJSON)[2]
    assert json.loads(body)["contributions"] == pytest.approx(response["contributions"], abs=1e-6)
