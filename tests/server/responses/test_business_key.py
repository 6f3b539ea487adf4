"""The business key of a request: stored and returned, at every route, and of no effect on the score."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from tabular.settings import with_values
from tabular.wiring import Wiring

NDJSON = "application/x-ndjson"
KEY = "customer_id"


DATABASE = "business-keys"


@pytest.fixture(scope="module")
def predictions(store, settings):
    with closing(Wiring(with_values(settings, mongo_database=DATABASE)).predictions()) as found:
        yield found


@pytest.fixture(scope="module")
def api(run_api, predictions, settings):
    with run_api(MONGO_URI=settings.mongo_uri, MONGO_DATABASE=DATABASE) as running:
        yield running


def sent(api, rows, way):
    """The replies to the rows, one by one or together."""
    if way == "single":
        return [api.predict(row)[1] for row in rows]
    if way == "array":
        return api.predict(rows, "/predict/batch")[1]["predictions"]
    body = "\n".join(map(json.dumps, rows)).encode()
    return [json.loads(line) for line in api.ask("POST", "/predict/batch", body, Content_Type=NDJSON)[2].splitlines()]


@pytest.mark.parametrize("way", ["single", "array", "NDJSON"])
@pytest.mark.parametrize("longer", [{}, {"gender": " f "}], ids=["typed decoder", "validating decoder"])
def test_the_key_comes_back_and_is_stored_and_the_score_is_the_same(api, predictions, contract, wait_for, way, longer):
    record = contract.example | longer
    keys = ["C-1", 768805383, " 7 ", None, ""]
    replies = sent(api, [record, *(record | {KEY: key} for key in keys)], way)
    assert [one.get(KEY) for one in replies] == [None, "C-1", "768805383", "7", None, None]
    assert [KEY in one for one in replies] == [False, True, True, True, False, False]
    assert len({one["churn chance"] for one in replies}) == 1
    ids = [one["prediction_id"] for one in replies]
    wait_for(lambda: set(ids) <= {one.id for one in predictions.latest(1_000)})
    stored = {one.id: one for one in predictions.latest(1_000)}
    assert [stored[each].business_key for each in ids] == [None, "C-1", "768805383", "7", None, None]
    assert all(KEY not in stored[each].row for each in ids)


@pytest.mark.parametrize("bad", [1.5, True, ["C-1"], {"id": 1}, "x" * 201, "a\nb", 2**53, 10**30])
def test_what_can_be_no_key_is_a_fault_of_its_row_alone(api, contract, bad):
    status, body = api.predict(contract.example | {KEY: bad})
    assert (status, body["error"]["code"]) == (422, "invalid_record")
    (fault,) = body["error"]["faults"]
    assert (fault["field"], fault["problem"]) == (KEY, "cannot be a key")
    assert "at most 200 characters" in fault["allowed"]
    for way in ("array", "NDJSON"):
        first, second = sent(api, [contract.example | {KEY: "C-1"}, contract.example | {KEY: bad}], way)
        assert first[KEY] == "C-1"
        assert second["error"]["faults"] == [fault]


def test_a_large_record_has_its_key_too(api, contract):
    record = contract.example | {KEY: "C-1"}
    padded = json.dumps(record).encode().replace(b"{", b"{" + b" " * 20_000, 1)
    status, _, body = api.ask("POST", "/predict", padded, Content_Type="application/json")
    assert (status, json.loads(body)[KEY]) == (200, "C-1")


def test_a_key_without_features_is_no_row(api):
    status, body = api.predict({KEY: "C-1"})
    assert (status, body["error"]["code"]) == (422, "invalid_record")
    assert KEY not in {fault["field"] for fault in body["error"]["faults"]}


def test_the_description_names_the_key_as_optional(api):
    described = json.loads(api.ask("GET", "/openapi.json")[2])["components"]["schemas"]
    assert KEY in described["Record"]["properties"]
    assert KEY not in described["Record"]["required"]
    assert described["Prediction"]["properties"][KEY]["type"] == "string"
    assert KEY not in described["Prediction"]["required"]
