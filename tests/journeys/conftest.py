"""For the journeys, on free ports: a whole embedded stack as `make run` starts it, Dask clusters, single consumers."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.stack import free_layout
from embedded.layout import PROJECT, Layout, Ports
from embedded.services.logins import prefect_login
from embedded.services.service import Service, free_port, stop
from tabular.model.bundle import Bundle
from tests.journeys.stream.consumer_process import RUN_ID, ConsumerProcess
from tests.journeys.waiting import eventually, wait_until


@dataclass
class Loop:
    """A running stack: its state folder, its ports, and what `run` printed."""

    state: Path
    ports: Ports
    environ: dict[str, str]
    outside: tuple[Path, ...]
    """The home folder and the temporary folder of who started it."""
    printed: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)

    def command(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the embedded stack."""
        line = [sys.executable, "-m", "embedded", "--state", str(self.state), *arguments]
        environ = {**self.environ, **extra}
        return subprocess.run(line, env=environ, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600)

    def get(self, port: int, path: str, **headers: str) -> tuple[int, str]:
        """GET a page of the stack: its status and its text."""
        return self._open(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers))

    def predict(self, body: object, path: str = "/predict", **headers: str) -> tuple[int, Any]:
        """POST /predict, or another table's path: the status and the decoded response."""
        url = f"http://127.0.0.1:{self.ports.api}{path}"
        sent = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        status, text = self._open(urllib.request.Request(url, json.dumps(body).encode(), sent))
        return status, json.loads(text)

    def prefect(self, path: str, body: object) -> Any:
        """POST to Prefect's own interface: the decoded response; asked again while its database is busy."""
        login = base64.b64encode(prefect_login(Layout(self.state)).encode()).decode()
        sent = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        url = f"http://127.0.0.1:{self.ports.prefect}/api{path}"
        post = urllib.request.Request(url, json.dumps(body).encode(), sent)

        def posted() -> tuple[int, str] | None:
            found = self._open(post)
            return None if found[0] == HTTPStatus.SERVICE_UNAVAILABLE else found

        status, text = eventually(posted) or (HTTPStatus.SERVICE_UNAVAILABLE, "")
        assert status < HTTPStatus.BAD_REQUEST, text
        return json.loads(text)

    @staticmethod
    def _open(request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="session")
def start_loop(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Loop]]:
    """Starts a loop, in a folder and a shell as people may have them, for as long as a block lasts.

    Every command has the settings; `tables` are given to `run` alone.
    """

    @contextmanager
    def started(tables: str = "", **settings: str) -> Iterator[Loop]:
        loop = _loop(tmp_path_factory, settings)
        try:
            done = loop.command("run", **({"TABLES": tables} if tables else {}))
            loop.printed = done.stdout
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            yield loop
        finally:
            loop.command("stop")

    return started


@pytest.fixture(scope="session")
def loop(start_loop: Callable[..., AbstractContextManager[Loop]]) -> Iterator[Loop]:
    """The loop after a short `make run`."""
    with start_loop(TRIALS="8", SIMULATOR_RATE_PER_SECOND="5") as loop:
        yield loop


def _loop(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Loop:
    ports = free_layout(Path()).ports
    given = {f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    given |= {"DATASET_CSV": "", "RUN_ID": "", **settings}
    outside = tuple(tmp_path_factory.mktemp(name) for name in ("home", "temporary"))
    given |= dict(zip(("HOME", "TMPDIR"), map(str, outside), strict=True))
    given |= {"AWS_PROFILE": "nobody", "ALL_PROXY": "socks5://127.0.0.1:9"}
    given |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    state = tmp_path_factory.mktemp("loop") / """it's a "50% sure" loop; #1"""
    return Loop(state, ports, {**os.environ, **given}, outside)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Cluster:
    """`dask scheduler` and `dask worker` as a user starts them, on free ports."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start(self) -> None:
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        self._run("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        wait_until(lambda: _listens(port))  # importing Dask takes long on a busy machine

    def add_worker(self) -> subprocess.Popen[bytes]:
        """A worker without a nanny: killed is killed, until another is started."""
        given = ("--nthreads", "1", "--memory-limit", "0", "--no-nanny", "--no-dashboard")
        return self._run("worker", self.address, *given, "--local-directory", str(self.folder))

    def have(self, workers: int) -> subprocess.Popen[bytes]:
        """Add workers until so many live; returns the first of them."""
        while len(living := [process for process in self.processes[1:] if process.poll() is None]) < workers:
            self.add_worker()
        return living[0]

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            line = [sys.executable, "-m", "dask", *arguments]
            process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        self.processes.append(process)
        return process


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            process.kill()  # a worker that has only just started takes no notice of SIGTERM
            process.wait()


@pytest.fixture(scope="session")
def dask_running() -> Callable[[Path], AbstractContextManager[Cluster]]:
    """Starts a Dask scheduler for as long as a block lasts."""
    return running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A Dask scheduler; the test adds the workers."""
    with running(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def state(tmp_path: Path, bundle: Bundle) -> Path:
    shutil.copytree(bundle.folder, tmp_path / "bundles" / RUN_ID)
    return tmp_path


@pytest.fixture
def make_consumer(ministack: Service, store: Service, state: Path) -> Iterator[Callable[..., ConsumerProcess]]:
    """Makes consumers on this session's servers or on others; their processes are ended with the test."""
    consumers: list[ConsumerProcess] = []

    def make(aws_port: int = ministack.port, mongo_port: int = store.port, batch_records: int = 500) -> ConsumerProcess:
        made = ConsumerProcess(
            f"http://127.0.0.1:{aws_port}", f"mongodb://127.0.0.1:{mongo_port}", state, batch_records=batch_records
        )
        consumers.append(made)
        return made

    yield make
    for process in [process for consumer in consumers for process in consumer.started]:
        stop(process)


@pytest.fixture
def consumer(make_consumer: Callable[..., ConsumerProcess]) -> ConsumerProcess:
    return make_consumer()


@pytest.fixture
def own(tmp_path: Path) -> Layout:
    """A store and an emulator that a test may kill."""
    return free_layout(tmp_path / "own")
