"""The API of an image with a model inside: no registry, and where its predictions stay."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks.harness.processes import children
from embedded.layout import PROJECT
from embedded.services.service import Service, free_port, tail
from tabular.errors import Unavailable

MOST_RESIDENT_KB = 500_000


@pytest.fixture
def inside(api_state, tmp_path):
    """The settings of such an image; its registry and its store are nowhere."""
    shutil.copytree(api_state / "bundles", tmp_path / "model")
    return {"MODEL_DIR": str(tmp_path / "model"), "RUN_ID": "", "API_WORKERS": "1"}


def ready(api):
    return json.loads(api.ask("GET", "/health/ready")[2])


def test_a_model_inside_is_served_without_a_registry_and_predictions_wait_for_a_store(
    run_api, inside, tmp_path, contract, settings, database, predictions, wait_for
):
    state = tmp_path / "state"
    with run_api(state, PREDICTION_STORE="file", **inside) as api:
        status, response = api.predict(contract.example)
        assert (status, response["model_run_id"]) == (200, "aaaa")
        assert ready(api)["store"] == {"kind": "file", "reachable": None}
        label = {"prediction_id": response["prediction_id"], "outcome": contract.target.classes[0]}
        assert api.predict(label, "/labels") == (200, {"accepted": 1, "blank": 0})
        assert ready(api)["outbox"]["predictions"] == 2
        assert f"PREDICTION_STORE=file: predictions and labels stay in {state / 'outbox'} alone" in api.log.read_text()
    with run_api(state, MONGO_URI=settings.mongo_uri, MONGO_DATABASE=database, **inside) as api:
        wait_for(lambda: [each.id for each in predictions.latest(9)] == [response["prediction_id"]])
        wait_for(lambda: ready(api)["outbox"]["predictions"] == 0)
        assert ready(api)["store"]["kind"] == "mongo"


def test_an_outbox_that_is_no_way_to_a_store_serves_nothing_more_once_it_is_full(run_api, inside, tmp_path, contract):
    state = tmp_path / "state"
    with run_api(state, PREDICTION_STORE="file", OUTBOX_MAX_BYTES="200000", **inside) as api:
        statuses = [api.predict([contract.example] * 500, "/predict/batch")[0] for _ in range(5)]
        kept = ready(api)["outbox"]["predictions"]
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert kept == 500 * statuses.count(200)


def test_predictions_that_are_kept_nowhere_are_said_to_be_and_a_retry_gets_its_response(
    run_api, inside, tmp_path, contract
):
    with run_api(tmp_path / "state", PREDICTION_STORE="none", **inside) as api:
        first, again = (api.predict(contract.example, Idempotency_Key="k")[1] for _ in range(2))
        batch = api.predict([contract.example] * 3, "/predict/batch")[1]
        label = {"prediction_id": first["prediction_id"], "outcome": contract.target.classes[0]}
        status, rejected = api.predict(label, "/labels")
        assert first == again
        assert batch["served"] == 3
        assert ready(api)["outbox"]["predictions"] == 0
        assert ready(api)["store"] == {"kind": "none", "reachable": None}
        assert "PREDICTION_STORE=none: predictions are not kept" in api.log.read_text()
    assert status == 422
    assert "PREDICTION_STORE=none" in json.dumps(rejected)


def test_another_run_than_the_one_inside_is_not_served_and_both_are_named(run_api, inside, tmp_path):
    with (
        pytest.raises(Unavailable, match="exited with code 4"),
        run_api(tmp_path / "state", **inside | {"RUN_ID": "bbbb"}),
    ):
        pass
    said = tail(tmp_path / "state" / "api.log", 20)
    assert "is run aaaa, and RUN_ID asks for bbbb" in said


def test_a_folder_that_holds_no_model_or_two_stops_the_start(run_api, inside, tmp_path):
    shutil.copytree(tmp_path / "model" / "aaaa", tmp_path / "model" / "bbbb")
    with pytest.raises(Unavailable, match=r"must hold one model.*aaaa, bbbb"), run_api(tmp_path / "state", **inside):
        pass


def test_what_is_exported_for_an_image_starts_as_a_platform_starts_it_with_nothing_else_and_little_memory(
    api_state, tmp_path, contract
):
    folder, state, port = tmp_path / "image", tmp_path / "state", free_port()
    state.mkdir()
    export = [sys.executable, "-m", "server.scoring.export_model", str(folder), "--run-id", "aaaa"]
    subprocess.run(export, cwd=PROJECT, env={"STATE_DIR": str(api_state)}, check=True)
    given = {"MODEL_DIR": str(folder / "model"), "CONTRACT": str(folder / "contract.toml"), "STATE_DIR": str(state)}
    given |= {"PORT": str(port), "API_HOST": "127.0.0.1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command, url = ("sh", str(PROJECT / "containers/model/serve.sh")), f"http://127.0.0.1:{port}"
    service = Service("image", command, port, f"{url}/health/ready", given, working_folder=PROJECT)
    with service.running(tmp_path / "log") as process:
        request = urllib.request.Request(
            f"{url}/predict", json.dumps(contract.example).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert json.load(response)["model_run_id"] == "aaaa"
        with urllib.request.urlopen(f"{url}/health/ready", timeout=30) as response:
            assert json.load(response)["store"] == {"kind": "file", "reachable": None}
        processes = [process.pid, *children(process.pid)]
        assert len(processes) == 2, "the server and one worker: nothing is relayed"
        assert sum(map(resident_kb, processes)) < MOST_RESIDENT_KB


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
