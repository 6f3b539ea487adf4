"""Every served prediction reaches the store exactly once, whatever is down or killed meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from dataclasses import replace

import pytest

from embedded.services import backends
from embedded.services.service import free_port, stop
from tabular.settings import Settings
from tabular.wiring import Wiring

JSON = "application/json"


@pytest.fixture
def environ(settings, database):
    return {"MONGO_URI": settings.mongo_uri, "MONGO_DATABASE": database}


class Load:
    """Clients that send one request after the other and note every prediction id they got."""

    def __init__(self, api, record, clients=4):
        self._api, self._body = api, json.dumps(record).encode()
        self._stop = threading.Event()
        self.served, self.broken = [], 0
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._stop.is_set():
            try:
                status, _, response = self._api.ask("POST", "/predict", self._body, Content_Type=JSON)
            except (OSError, http.client.HTTPException):
                self.broken += 1
                self._stop.wait(0.05)
                continue
            assert status == 200
            self.served.append(json.loads(response)["prediction_id"])


def stored(predictions):
    return sorted(each.id for each in predictions.latest(100_000))


def test_a_prediction_is_stored_with_what_was_given_and_served(run_api, environ, predictions, contract, wait_for):
    with run_api(API_WORKERS="1", **environ) as api:
        response = api.predict(contract.example | {"education_level": 2, "gender": None, "card_category": "Pink"})[1]
        wait_for(lambda: len(predictions.latest(9)) == 1)
    (found,) = predictions.latest(9)
    assert found.id == response["prediction_id"]
    assert found.score == response["churn chance"]
    assert found.row == contract.example | {"education_level": "Graduate", "gender": None, "card_category": "Pink"}
    assert (found.run_id, found.contract, found.source) == ("aaaa", contract.digest, "api")
    assert found.unknown == ("card_category",)
    assert found.warnings == tuple(response["warnings"])


def test_a_request_sent_twice_with_its_key_is_stored_once(run_api, environ, predictions, contract, wait_for):
    with run_api(API_WORKERS="1", **environ) as api:
        ids = [api.predict(contract.example, Idempotency_Key=key)[1]["prediction_id"] for key in ("a", "a", "b")]
        wait_for(lambda: len(predictions.latest(9)) == 2 and api.metric("api_outbox_predictions") == 0)
    assert stored(predictions) == sorted(set(ids))


def test_while_the_store_is_down_all_is_served_and_later_all_arrives_once(
    run_api, layout, contract, tmp_path, wait_for
):
    own = replace(layout, state=tmp_path, ports=replace(layout.ports, store=free_port()))
    service, uri = backends.store(own), f"mongodb://127.0.0.1:{own.ports.store}"
    with run_api(MONGO_URI=uri, MONGO_DATABASE="test") as api:
        served = [api.predict(contract.example)[1]["prediction_id"] for _ in range(30)]
        batch = api.predict([contract.example] * 500, "/predict/batch")[1]
        served += [each["prediction_id"] for each in batch["predictions"]]
        assert api.metric("api_outbox_predictions") == 530
        assert api.ask("GET", "/health/ready")[0] == 200
        process = service.start(tmp_path / "store.log")
        predictions = Wiring(Settings(mongo_uri=uri, mongo_database="test")).predictions()
        try:
            service.wait_ready(process, tmp_path / "store.log")
            wait_for(lambda: api.metric("api_outbox_predictions") == 0)
            assert stored(predictions) == sorted(served)
        finally:
            predictions.close()
            stop(process)


def test_kill_9_of_workers_under_load_loses_and_doubles_nothing(run_api, environ, predictions, contract, wait_for):
    with run_api(**environ) as api:
        wait_for(lambda: api.metric("api_model_workers") == 2)
        with Load(api, contract.example) as load:
            for _ in range(3):
                seen = len(load.served)
                wait_for(lambda seen=seen: len(load.served) > seen + 100)
                os.kill(api.workers()[0], signal.SIGKILL)
            seen = len(load.served)
            wait_for(lambda: len(load.served) > seen + 100)
        wait_for(lambda: api.metric("api_outbox_predictions") == 0)
        # A worker that died between writing and responding leaves a prediction without a response; never the reverse.
        found = stored(predictions)
        assert len(found) == len(set(found))
        assert set(load.served) <= set(found)
        assert len(found) - len(load.served) <= load.broken
        wait_for(lambda: api.metric("api_model_workers", run_id="aaaa") == 2)


def test_kill_9_of_the_whole_server_loses_nothing(
    run_api, api_state, contract, environ, predictions, tmp_path, wait_for
):
    state = tmp_path / "state"
    state.mkdir()
    (state / "bundles").symlink_to(api_state / "bundles")
    with run_api(state) as api:  # its store is nowhere
        served = [api.predict(contract.example)[1]["prediction_id"] for _ in range(50)]
        os.killpg(api.process.pid, signal.SIGKILL)
        api.process.wait()
    with run_api(state, **environ) as api:
        wait_for(lambda: api.metric("api_outbox_predictions") == 0)
    assert stored(predictions) == sorted(served)


def test_when_the_outbox_cannot_be_written_nothing_is_served_and_503_says_why(run_api, contract):
    with run_api(API_WORKERS="1", OUTBOX_MAX_BYTES="200000") as api:
        served, status = 0, 200
        while status == 200 and served < 2_000:
            status, headers, body = api.ask(
                "POST", "/predict", json.dumps(contract.example).encode(), Content_Type=JSON
            )
            served += status == 200
        error = json.loads(body)["error"]
        assert (status, error["code"]) == (503, "unavailable")
        assert "outbox" in error["message"]
        assert "full" in error["message"]
        assert int(headers["Retry-After"]) >= 1
        assert api.metric("api_outbox_predictions") == served
        assert api.metric("http_requests_total", route="/predict", status="503") == 1
