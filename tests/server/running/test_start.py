"""Which model the API serves, and when it does not start."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from pathlib import Path

import msgspec
import pytest

from embedded.services.service import tail
from tabular.errors import Unavailable
from tabular.model.bundle import Manifest, _sha256
from tabular.wiring import Wiring


def publish(registry, bundle) -> str:
    """Store a bundle as an MLflow run."""
    run_id = registry.start_run("trial", {})
    registry.put_folder(run_id, bundle.folder, "bundle")
    registry.finish(run_id)
    return run_id


@pytest.fixture(scope="module")
def registry(mlflow_server, settings):
    return Wiring(msgspec.structs.replace(settings, model_name="api_start")).registry()


@pytest.fixture
def environ(settings):
    return {"MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri, "MODEL_NAME": "api_start", "API_WORKERS": "1"}


def with_a_wrong_golden_score(folder) -> None:
    """Change one recorded score, and the manifest with it, so that only scoring again can tell."""
    golden = json.loads((folder / "golden.json").read_bytes())
    golden[3]["scores"][0] += 1e-7
    (folder / "golden.json").write_text(json.dumps(golden))
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    files = manifest.files | {"golden.json": _sha256((folder / "golden.json").read_bytes())}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(Manifest(manifest.format, files)))


def test_a_bundle_that_scores_a_golden_record_otherwise_is_not_served(
    run_api, registry, environ, make_bundle, contract, tmp_path
):
    bundle = make_bundle(contract, tmp_path / "bundle")
    with_a_wrong_golden_score(bundle.folder)
    run_id = publish(registry, bundle)
    with pytest.raises(Unavailable, match="exited with code 4") as caught, run_api(RUN_ID=run_id, **environ):
        pass
    said = str(caught.value)
    assert "the API does not start: golden record 3 scores" in said
    assert "Traceback" not in said


def test_a_run_that_does_not_exist_is_not_served_and_named(run_api, mlflow_server, environ):
    nobody = "0123456789abcdef"
    with pytest.raises(Unavailable, match=f"does not know the run {nobody}"), run_api(RUN_ID=nobody, **environ):
        pass


def test_a_setting_that_cannot_be_used_stops_the_start_in_one_line(run_api, api_state):
    with pytest.raises(Unavailable, match="API_WORKERS='many' cannot be used") as caught, run_api(API_WORKERS="many"):
        pass
    assert "Traceback" not in str(caught.value)


def test_run_id_pins_the_model_and_a_local_copy_starts_without_mlflow(
    run_api, registry, environ, make_bundle, contract, tmp_path
):
    run_id = publish(registry, make_bundle(contract, seed=1))
    with run_api(tmp_path, RUN_ID=run_id, **environ) as api:
        first = api.predict(contract.example)[1]
    assert first["model_run_id"] == run_id
    with run_api(tmp_path, RUN_ID=run_id, API_WORKERS="1") as api:  # its MLflow is nowhere
        again = api.predict(contract.example)[1]
    assert again["churn chance"] == first["churn chance"]


def test_without_run_id_the_champion_is_served_and_followed(
    run_api, registry, environ, make_bundle, contract, tmp_path, wait_for
):
    old, new = (publish(registry, make_bundle(contract, seed=seed)) for seed in (2, 3))
    registry.register(old, "champion", {})
    with run_api(tmp_path, RUN_ID="", MODEL_REFRESH_SECONDS="0.2", **environ) as api:
        assert api.predict(contract.example)[1]["model_run_id"] == old
        registry.register(new, "champion", {})
        wait_for(lambda: api.predict(contract.example)[1]["model_run_id"] == new)
        wait_for(lambda: api.metric("api_model_workers", run_id=new) == 1)
        assert api.metric("api_model_workers", run_id=old) == 0
    with run_api(tmp_path, RUN_ID="", API_WORKERS="1") as api:  # MLflow is down: the last champion seen
        assert api.predict(contract.example)[1]["model_run_id"] == new


def test_a_damaged_local_copy_is_not_served_while_mlflow_is_down(run_api, api_state, tmp_path):
    shutil.copytree(api_state / "bundles", tmp_path / "bundles")
    model = tmp_path / "bundles" / "aaaa" / "model.ubj"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(Unavailable, match="exited with code 4"), run_api(tmp_path):  # with two workers
        pass
    said = tail(tmp_path / "api.log", 40)
    assert "model.ubj was changed after the bundle was made" in said
    assert "the API does not start: MLflow is not available" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("is_starting", [False, True])
def test_a_worker_ends_with_its_master_even_one_that_is_just_starting(run_api, wait_for, is_starting):
    with run_api(API_WORKERS="1") as api:
        if is_starting:
            (old,) = api.workers()
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: api.workers() not in ([old], []))
        (worker,) = api.workers()
        api.process.kill()
        api.process.wait()
        wait_for(lambda: not Path(f"/proc/{worker}").exists())


def test_a_worker_that_cannot_load_any_more_does_not_stop_the_others(run_api, api_state, contract, tmp_path, wait_for):
    shutil.copytree(api_state / "bundles", tmp_path / "bundles")
    with run_api(tmp_path) as api:
        wait_for(lambda: api.metric("api_model_workers") == 2)
        shutil.rmtree(tmp_path / "bundles")
        os.kill(api.workers()[0], signal.SIGKILL)
        wait_for(lambda: "the API does not start" in api.log.read_text())
        assert api.predict(contract.example)[0] == 200
        shutil.copytree(api_state / "bundles", tmp_path / "bundles", dirs_exist_ok=True)
        wait_for(lambda: api.metric("api_model_workers") == 2)
        assert api.predict(contract.example)[0] == 200


def test_following_the_champion_survives_a_disk_that_takes_nothing_and_shows_it(
    run_api, registry, environ, make_bundle, contract, wait_for
):
    """A limit on the size of files is, to a process, a disk that is full."""
    first, second = (publish(registry, make_bundle(contract, seed=seed)) for seed in (1, 2))
    registry.register(first, "champion", {})
    following = {**environ, "RUN_ID": "", "MODEL_REFRESH_SECONDS": "0.2"}
    with run_api(**following) as api:

        def ready():
            return json.loads(api.ask("GET", "/health/ready")[2])

        assert ready()["model_run_id"] == first
        assert ready()["background"]["follow"] == {"failures": 0, "failing": None}
        (worker,) = api.workers()
        _, unlimited = resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        registry.register(second, "champion", {})
        wait_for(lambda: ready().get("background", {}).get("follow", {}).get("failing"))
        assert ready()["model_run_id"] == first
        wait_for(lambda: api.metric("api_background_failures_total", task="follow") > 1)
        assert api.metric("api_background_failing", task="follow") == 1
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        wait_for(lambda: ready()["model_run_id"] == second)
        wait_for(lambda: ready()["background"]["follow"]["failing"] is None)
        assert api.predict(contract.example)[1]["model_run_id"] == second
        assert api.workers() == [worker]
    assert "follow: recovered" in api.log.read_text()
