"""A request is found again by its id: in its response, in an error's body, in the log, and in what is stored."""

from __future__ import annotations

import json
import uuid

import msgspec
import pytest

from server.outbox.queue import Outbox
from tabular.predictions.batch import PredictionBatch
from tabular.predictions.prediction import Prediction

JSON = "application/json"


@pytest.fixture(scope="module")
def api(run_api, tmp_path_factory, api_state):
    with run_api(MONGO_URI="mongodb://127.0.0.1:1", LOG_FORMAT="json") as running:
        yield running


def stored(api) -> list[Prediction]:
    """What waits in the outbox: the store is down."""
    outbox = Outbox(api.log.parent / "outbox", 1_000_000_000, "normal")
    try:
        groups = [
            msgspec.json.decode(entry.body, type=list[Prediction] | PredictionBatch) for entry in outbox.oldest(10**9)
        ]
        return [one for group in groups for one in group]
    finally:
        outbox.close()


def test_a_row_without_an_id_gets_one_which_is_the_predictions(api, good):
    status, headers, body = api.ask("POST", "/predict", good, Content_Type=JSON)
    assert status == 200
    assert headers["X-Request-Id"] == json.loads(body)["prediction_id"]
    [one] = [one for one in stored(api) if one.id == headers["X-Request-Id"]]
    assert one.request_id is None


def test_an_id_of_the_clients_comes_back_and_is_stored_beside_the_predictions_own(api, good):
    seen = {api.ask("POST", "/predict", good, Content_Type=JSON, X_Request_Id="order-7")[2] for _ in range(2)}
    ids = {json.loads(body)["prediction_id"] for body in seen}
    assert len(ids) == 2, "two requests of one id are two predictions"
    assert {one.id for one in stored(api) if one.request_id == "order-7"} == ids


def test_the_rows_of_a_batch_have_its_id(api, good):
    rows = b"[%b,%b]" % (good, good)
    _, headers, body = api.ask("POST", "/predict/batch", rows, Content_Type=JSON)
    ids = {row["prediction_id"] for row in json.loads(body)["predictions"]}
    assert {one.id for one in stored(api) if one.request_id == headers["X-Request-Id"]} == ids


def test_a_row_with_an_idempotency_key_has_the_id_of_the_first_request(api, good):
    first, again = (api.ask("POST", "/predict", good, Content_Type=JSON, Idempotency_Key="k-1") for _ in range(2))
    assert first[2] == again[2]
    assert first[1]["X-Request-Id"] != again[1]["X-Request-Id"]
    known = json.loads(first[2])["prediction_id"]
    assert [one.request_id for one in stored(api) if one.id == known] == [first[1]["X-Request-Id"]]


def test_an_id_that_cannot_be_one_is_replaced_and_no_reason_to_reject(api, good):
    status, headers, _ = api.ask("POST", "/predict", good, Content_Type=JSON, X_Request_Id='a "b"')
    assert status == 200
    assert uuid.UUID(headers["X-Request-Id"]).version == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("POST", "/predict", b"{}", 422), ("POST", "/predict", b"not json", 400), ("GET", "/nowhere", b"", 404)],
)
def test_an_error_names_the_id_and_the_log_has_it_without_what_was_sent(api, wait_for, method, path, body, status):
    found, headers, response = api.ask(method, path, body, Content_Type=JSON, X_Request_Id=f"failed-{status}")
    assert (found, headers["X-Request-Id"]) == (status, f"failed-{status}")
    assert json.loads(response)["error"]["request_id"] == f"failed-{status}"

    def lines() -> list[dict]:
        return [json.loads(line) for line in api.log.read_text().splitlines() if f"failed-{status}" in line]

    wait_for(lambda: bool(lines()))
    [line] = lines()
    assert (line["service"], line["level"], line["request_id"]) == ("api", "INFO", f"failed-{status}")
    assert "not json" not in line["message"]


def test_every_line_of_the_server_is_one_json_object(api):
    lines = [json.loads(line) for line in api.log.read_text().splitlines()]
    assert {"gunicorn.error", "server.scoring.predictor"} <= {line["logger"] for line in lines}
    serving = next(line for line in lines if line["logger"] == "server.scoring.predictor")
    assert serving["table"]
    assert serving["run_id"] == "aaaa"


def test_pages_and_health_have_an_id_too(api):
    for path in ("/health/live", "/docs", "/metrics"):
        assert api.ask("GET", path, X_Request_Id="looked")[1]["X-Request-Id"] == "looked"
