"""`make image`: a model in one image, started with nothing else running, as a container platform starts it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port

RUN_ID = "f00d" * 8
TAG = "churn-test-model:inside"
MOST_RESIDENT_BYTES = 500_000_000


@pytest.fixture(scope="module")
def image(engine, make_bundle, contract, tmp_path_factory, docker_command) -> Iterator[str]:
    """The image of a run, of which a server has fetched the bundle before: no MLflow is needed to build it, either."""
    state, folder = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("image") / "build"
    make_bundle(contract, state / "bundles" / RUN_ID)
    command = [sys.executable, "-m", "server.scoring.export_model", str(folder), "--run-id", RUN_ID]
    subprocess.run(command, cwd=PROJECT, env={"STATE_DIR": str(state)}, check=True)
    built = subprocess.run(
        ["sh", "containers/model/build.sh", str(folder), TAG], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert f"with run {RUN_ID} of {contract.table.name} inside" in built.stdout
    yield TAG
    docker_command("image", "rm", TAG)


@pytest.fixture
def run(image, docker_command):
    """Starts the image with these options of `docker run`, without any network but its own port; returns it."""
    started: list[Running] = []

    def start(*options: str) -> Running:
        port = free_port()
        began = time.monotonic()
        given = ("--publish", f"127.0.0.1:{port}:7654", "--env", "PORT=7654", *options)
        started.append(Running(docker_command("run", "--detach", *given, image).strip(), port, began))
        return started[-1]

    yield start
    for one in started:
        docker_command("rm", "--force", "--volumes", one.id)


class Running:
    """A container of the image."""

    def __init__(self, known_as: str, port: int, began: float) -> None:
        self.id, self.port, self.began = known_as, port, began

    def ask(self, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)


def first_prediction(one: Running, record: object, waiting):
    return waiting(lambda: one.ask("/predict", record), 60, "a prediction")


def resident_bytes(pids: list[str]) -> int:
    """Without what they share: the proportional set size, summed."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(line.split()[1]) * 1_000 for text in texts for line in text.splitlines() if line.startswith("Pss:"))


def test_it_predicts_with_nothing_else_running_and_little_memory(run, contract, waiting, docker_command):
    one = run()
    found = first_prediction(one, contract.example, waiting)
    seconds = time.monotonic() - one.began
    assert found["model_run_id"] == RUN_ID
    state = one.ask("/health/ready")
    assert state["store"] == {"kind": "file", "reachable": None}
    assert state["outbox"]["predictions"] == 1
    pids = docker_command("top", one.id, "-eo", "pid").split()[1:]
    taken = resident_bytes(pids)
    print(f"\nfirst prediction {seconds:.2f} s after `docker run`, {taken / 1e6:.0f} MB in {len(pids)} processes")
    assert taken < MOST_RESIDENT_BYTES
    assert {line.split()[0] for line in docker_command("top", one.id, "-eo", "uid,pid").splitlines()[1:]} == {"10001"}
    assert "PREDICTION_STORE=file: predictions and labels stay in /state/outbox alone" in log_of(one)


def log_of(one: Running) -> str:
    done = subprocess.run(["docker", "logs", one.id], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_it_runs_as_whichever_user_the_platform_chooses_on_a_file_system_that_it_cannot_write(run, contract, waiting):
    one = run("--user", "54321:54321", "--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL")
    assert first_prediction(one, contract.example, waiting)["model_run_id"] == RUN_ID
    assert "/state cannot be written by the user with the id 54321: /tmp/state takes its place" in log_of(one)


def test_predictions_of_a_volume_outlive_the_container(run, contract, waiting, docker_command):
    volume = docker_command("volume", "create").strip()
    try:
        ids = []
        for _ in range(2):
            one = run("--volume", f"{volume}:/state")
            ids.append(first_prediction(one, contract.example, waiting)["prediction_id"])
            kept = one.ask("/health/ready")["outbox"]["predictions"]
            docker_command("rm", "--force", one.id)
        assert kept == 2
    finally:
        docker_command("volume", "rm", "--force", volume)


def test_the_procfile_starts_what_the_image_starts_and_its_labels_say_what_is_inside(image, docker_command, contract):
    inside = docker_command("run", "--rm", "--entrypoint", "cat", image, "/app/Procfile")
    config = json.loads(docker_command("image", "inspect", "--format", "{{json .Config}}", image))
    assert inside.split(": ")[1].split() == config["Cmd"]
    assert config["Labels"]["mlops.run-id"] == RUN_ID
    assert config["Labels"]["mlops.table"] == contract.table.name
