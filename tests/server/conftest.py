"""The API under a real gunicorn, for the tests of this folder."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.harness import stack
from benchmarks.harness.processes import children

JSON = "application/json"
WAIT_SECONDS = 30.0
RUN_ID = "aaaa"


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds; fails the test if it never does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not come about")
        time.sleep(0.05)


@pytest.fixture(scope="session", name="wait_for")
def wait_for_fixture() -> Callable[[Callable[[], bool]], None]:
    return wait_for


class RunningApi:
    """The API under gunicorn, spoken to over real HTTP."""

    def __init__(self, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.port, self.log, self.process = port, log, process

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        """One request on a connection of its own: status, headers (in any case), body. Names come with _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def predict(self, body: object, path: str = "/predict", **headers: str) -> tuple[int, Any]:
        """Post JSON; the status and the decoded response."""
        status, _, response = self.ask("POST", path, json.dumps(body).encode(), **{"Content_Type": JSON, **headers})
        return status, json.loads(response)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return children(self.process.pid)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        text = self.ask("GET", "/metrics")[2].decode()
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


@pytest.fixture(scope="session")
def api_state(tmp_path_factory, make_bundle, contract) -> Path:
    """A state folder with a local copy of one run's bundle; copy it before use."""
    state = tmp_path_factory.mktemp("api-state")
    make_bundle(contract, state / "bundles" / RUN_ID)
    return state


@pytest.fixture(scope="session")
def run_api(tmp_path_factory, api_state):
    """Runs the API in a `with` block, on a state folder and settings of its own; MLflow is down by default."""

    @contextmanager
    def run(state: Path | None = None, **environ: str) -> Iterator[RunningApi]:
        if state is None:
            state = tmp_path_factory.mktemp("api") / "state"
            shutil.copytree(api_state, state)
        service = stack.api(state, **{"RUN_ID": RUN_ID, **environ})
        log = state / "api.log"
        with service.running(log) as process:
            yield RunningApi(service.port, log, process)

    return run


@pytest.fixture(scope="module")
def good(contract):
    return json.dumps(contract.example).encode()
