"""Labels over real HTTP: on disk before the response, attached once, by id and by key, whatever is down or killed."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from embedded.services import backends
from embedded.services.service import free_port, stop
from tabular.settings import Settings
from tabular.wiring import Wiring

JSON, NDJSON = "application/json", "application/x-ndjson"
LEFT, STAYED = "Attrited Customer", "Existing Customer"


@pytest.fixture
def environ(settings, database):
    return {"MONGO_URI": settings.mongo_uri, "MONGO_DATABASE": database, "API_WORKERS": "1"}


def told(api, body, media=JSON, **headers):
    """The status and the decoded response."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, response = api.ask("POST", "/labels", sent, Content_Type=media, **headers)
    return status, json.loads(response)


def is_up(api):
    try:
        return api.ask("GET", "/health/ready")[0] == 200
    except OSError:
        return False


def kill_the_relay(api):
    for process in psutil.Process(api.process.pid).children(recursive=True):
        with suppress(psutil.Error):  # one that was killed before
            if "relay_process" in " ".join(process.cmdline()):
                process.kill()


def labels_of(predictions):
    return {one.id: one.label for one in predictions.latest(1_000)}


def test_one_an_array_and_lines_are_attached_by_id_and_by_key(run_api, environ, predictions, contract, wait_for):
    key = contract.table.business_key
    with run_api(**environ) as api:
        ids = [api.predict(contract.example)[1]["prediction_id"] for _ in range(3)]
        keyed = api.predict(contract.example | {key: "C-1"})[1]["prediction_id"]
        assert told(api, {"prediction_id": ids[0], "outcome": LEFT}) == (200, {"accepted": 1, "blank": 0})
        blank = {"prediction_id": ids[1], "outcome": None}
        assert told(api, [{key: "C-1", "outcome": "existing customer"}, blank]) == (200, {"accepted": 1, "blank": 1})
        lines = "\n".join(json.dumps({"prediction_id": one, "outcome": STAYED}) for one in ids[1:])
        assert told(api, lines.encode(), NDJSON) == (200, {"accepted": 2, "blank": 0})
        expected = {ids[0]: LEFT, ids[1]: STAYED, ids[2]: STAYED, keyed: STAYED}
        wait_for(lambda: labels_of(predictions) == expected)
        wait_for(lambda: api.metric("labels_total", source="api", result="attached") == 4)
        assert api.metric("api_labels_total", outcome="accepted") == 4
        assert api.metric("api_labels_total", outcome="blank") == 1
        assert api.metric("http_requests_total", route="/labels", status="200") == 3


def test_a_label_sent_many_times_is_one_and_a_correction_is_kept_with_what_it_replaces(
    run_api, environ, predictions, contract, wait_for, settings, database
):
    with run_api(**environ) as api:
        known = api.predict(contract.example)[1]["prediction_id"]
        for _ in range(20):
            assert told(api, {"prediction_id": known, "outcome": LEFT})[0] == 200
        told(api, {"prediction_id": known, "outcome": STAYED})
        wait_for(lambda: labels_of(predictions) == {known: STAYED})
        wait_for(lambda: api.metric("labels_total", result="repeated") == 19)
        assert api.metric("labels_total", result="corrected") == 1
        wiring = Wiring(Settings(mongo_uri=settings.mongo_uri, mongo_database=database))
        with closing(wiring.ledger()) as ledger:
            wait_for(lambda: len(ledger.entries(kinds=("labels_arrived",))) == 1)


def test_a_label_waits_for_its_prediction(run_api, environ, predictions, contract, wait_for):
    key = contract.table.business_key
    with run_api(**environ) as api:
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # within what a clock may be ahead
        assert told(api, {key: "C-2", "outcome": LEFT, "observed_at": soon})[0] == 200
        wait_for(lambda: api.metric("labels_waiting") == 1)
        known = api.predict(contract.example | {key: "C-2"})[1]["prediction_id"]
        wait_for(lambda: labels_of(predictions) == {known: LEFT})
        wait_for(lambda: api.metric("labels_waiting") == 0)


CASES = [
    (b"", JSON, 400, "empty_body", None),
    (b"{", JSON, 400, "not_json", None),
    (b'{"prediction_id":"a","outcome":null}\n{', NDJSON, 400, "not_json", None),
    (b"a=1", "text/csv", 415, "wrong_content_type", None),
    (b"3", JSON, 422, "invalid_record", "record"),
    (b"[]", JSON, 422, "empty_batch", None),
    (b"[3]", JSON, 422, "invalid_record", "record"),
    (b'{"prediction_id":"a","outcome":"left"}', JSON, 422, "invalid_record", "outcome"),
    (
        b'[{"prediction_id":"a","outcome":null},{"outcome":"Existing Customer"}]',
        JSON,
        422,
        "invalid_record",
        "prediction_id",
    ),
    (b'{"prediction_id":"a","outcome":"' + b"x" * 5_000 + b'"}', JSON, 422, "invalid_record", "record"),
    (b"[" + b'{"prediction_id":"a","outcome":null},' * 60 + b"{}]", JSON, 413, "too_many_rows", None),
    (b'{"prediction_id":"a","outcome":null}\n' * 60, NDJSON, 413, "too_many_rows", None),
    (b"x" * 200_000, JSON, 413, "too_large", None),
]


def test_what_is_no_label_is_refused_by_name_and_nothing_is_taken(run_api, environ, contract):
    with run_api(**environ, MAX_BATCH_ROWS="50", MAX_BODY_BYTES="100000") as api:
        for body, media, status, code, field in CASES:
            found, response = told(api, body, media)
            assert (found, response["error"]["code"]) == (status, code), (body[:80], response)
            faults = response["error"]["faults"]
            assert [fault["field"] for fault in faults][:1] == ([field] if field else []), (body[:80], response)
        assert told(api, b'[{"prediction_id":"a","outcome":null},{"outcome":"x"}]')[1]["error"]["faults"][0]["row"] == 1
        assert api.ask("GET", "/labels")[0] == 405
        assert api.metric("api_labels_total") == 0
        assert api.metric("api_outbox_predictions") == 0
        assert told(api, {"prediction_id": "a", "outcome": LEFT}, Idempotency_Key="k")[0] == 200
        assert told(api, {"prediction_id": "a", "outcome": STAYED}, Idempotency_Key="k")[0] == 422
        status, headers, _ = api.ask(
            "POST",
            "/labels",
            json.dumps({"prediction_id": "a", "outcome": LEFT}).encode(),
            Content_Type=JSON,
            Idempotency_Key="k",
        )
        assert (status, headers["Idempotent-Replayed"]) == (200, "true")


def test_labels_need_the_api_key(run_api, environ):
    with run_api(**environ, API_KEY="secret-of-this-test") as api:
        body = {"prediction_id": "a", "outcome": LEFT}
        assert told(api, body)[0] == 401
        assert told(api, body, Authorization="Bearer secret-of-this-test")[0] == 200


def test_with_the_store_down_labels_are_taken_and_attached_later(run_api, layout, contract, tmp_path, wait_for):
    own = replace(layout, state=tmp_path, ports=replace(layout.ports, store=free_port()))
    service, uri = backends.store(own), f"mongodb://127.0.0.1:{own.ports.store}"
    with run_api(MONGO_URI=uri, MONGO_DATABASE="test", API_WORKERS="1") as api:
        ids = [api.predict(contract.example)[1]["prediction_id"] for _ in range(20)]
        assert told(api, [{"prediction_id": one, "outcome": LEFT} for one in ids]) == (
            200,
            {"accepted": 20, "blank": 0},
        )
        assert api.metric("api_outbox_predictions") == 40
        process = service.start(tmp_path / "store.log")
        predictions = Wiring(Settings(mongo_uri=uri, mongo_database="test")).predictions()
        try:
            service.wait_ready(process, tmp_path / "store.log")
            wait_for(lambda: labels_of(predictions) == dict.fromkeys(ids, LEFT))
            wait_for(lambda: api.metric("api_outbox_predictions") == 0)
        finally:
            predictions.close()
            stop(process)


def test_kill_9_of_relay_and_worker_loses_no_label_and_doubles_none(
    run_api, environ, predictions, contract, wait_for, settings, database
):
    with run_api(**environ) as api:
        ids = [api.predict(contract.example)[1]["prediction_id"] for _ in range(100)]
        for at, known in enumerate(ids):
            assert told(api, {"prediction_id": known, "outcome": LEFT})[0] == 200
            if at % 25 == 24:  # between save and acknowledge, or wherever it is
                kill_the_relay(api)
            if at == 60:
                os.kill(api.workers()[0], signal.SIGKILL)
                wait_for(lambda: is_up(api))
        wait_for(lambda: labels_of(predictions) == dict.fromkeys(ids, LEFT))
        wait_for(lambda: api.metric("api_outbox_predictions") == 0)
        with closing(Wiring(Settings(mongo_uri=settings.mongo_uri, mongo_database=database)).predictions()) as again:
            found = again.labelled_between(
                datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), 999, "aaaa"
            )
        assert sorted(one.id for one in found.predictions) == sorted(ids)
