"""The whole stack in containers, from nothing: `make test-stack`. Minutes of it, so plain `make test` leaves it out."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from embedded.environment import read_env_file
from embedded.services.service import accepts, free_port

PROJECT = Path(__file__).resolve().parents[2]
collect_ignore_glob = [] if os.environ.get("TEST_STACK") else ["*.py"]

PORTS = ["API", "MLFLOW", "PREFECT", "REPORTS", "GRAFANA", "MONITOR", "PROMETHEUS", "ALERTMANAGER", "STORE", "EMULATOR"]
PORTS += ["TLS", "TLS_REDIRECT"]

OWN = {
    "STACK_NETWORK": "churn-test",
    "TRIALS": "6",
    "SIMULATOR_RATE_PER_SECOND": "5",
    "MONITOR_MIN_ROWS": "100",
    "REPORT_MIN_ROWS": "100",
    "MONITOR_INTERVAL_SECONDS": "3",
}

CREDENTIALS = (
    "API_KEY",
    "MONGO_USERNAME",
    "MONGO_PASSWORD",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "REPORTS_USERNAME",
    "REPORTS_PASSWORD",
    "GRAFANA_USERNAME",
    "GRAFANA_PASSWORD",
)


class ContainerStack:
    """One stack of its own: its ports, its network, its volumes, its env file."""

    def __init__(self, folder: Path, mode: str = "local", secrets: dict[str, str] | None = None) -> None:
        self.mode = mode
        self.env_file = folder / f".env.{mode}"
        usual = read_env_file(PROJECT / f".env.{mode}")
        # The usual ports where nobody has them, so that the README's lines can be copied as they stand.
        self.ports = {name.lower(): _usual_or_free(int(usual[f"{name}_PORT"])) for name in PORTS}
        own = {f"{name}_PORT": str(self.ports[name.lower()]) for name in PORTS} | OWN
        text = (PROJECT / f".env.{mode}").read_text()
        for key, value in own.items():
            text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
        self.env_file.write_text(text)
        if secrets:
            file = Path(f"{self.env_file}.secrets")
            file.touch(mode=0o600)
            file.write_text("".join(f"{key}={value}\n" for key, value in secrets.items()))
            self.certificate = secrets["TLS_CERTIFICATE"]
        self.walked: list[str] = []

        self.readme = readme_commands("## In containers") if mode == "local" else []

    @property
    def settings(self) -> dict[str, str]:
        return read_env_file(self.env_file)

    def secrets(self) -> dict[str, str]:
        """What the containers have as secrets, by the name of the file."""
        folder = PROJECT / ".state" / OWN["STACK_NETWORK"] / "secrets"
        return {file.name: file.read_text() for file in folder.iterdir()}

    def make(self, *arguments: str, succeeds: bool = True) -> str:
        """Run one make target; returns all it said."""
        return self._run(shlex.join(["make", *arguments, f"env={self.mode}"]), succeeds)

    def copied(self, beginning: str, fill_in: str = "", types: str = "") -> str:
        """Run the README's next line, which must begin so, as a reader copies it; returns all it said.

        What stands in <angle brackets> is for the reader to fill in; `types` is what he types when he is asked.
        """
        line = self.readme.pop(0)
        assert line.startswith(beginning), f"the README's next line is: {line}"
        line = re.sub("<[^>]*>", fill_in, line).replace("churn-mlops-", f"{OWN['STACK_NETWORK']}-")
        for name in PORTS:
            usual = read_env_file(PROJECT / f".env.{self.mode}")[f"{name}_PORT"]
            line = line.replace(f"localhost:{usual}", f"localhost:{self.ports[name.lower()]}")
        return self._run(line, succeeds=True, types=types)

    def _run(self, line: str, succeeds: bool, types: str = "") -> str:  # noqa: FBT001
        environ = {key: value for key, value in os.environ.items() if key not in self.settings}
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=PROJECT,
            env={**environ, "ENV_FILE": str(self.env_file)},
            input=types,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        said = done.stdout + done.stderr
        self.walked.append(f"$ {line}\n{said}")
        assert (done.returncode == 0) == succeeds, said
        return done.stdout if line.startswith(("curl", "docker")) else said

    def renew_certificate(self) -> None:
        """Another key and certificate in the files of the first ones."""
        made_certificate(Path(self.certificate).parent)

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def get(self, name: str, path: str = "") -> str:
        with urllib.request.urlopen(self.url(name, path), timeout=10) as answer:
            return answer.read().decode()

    def json(self, name: str, path: str = "") -> Any:
        return json.loads(self.get(name, path))

    def prefect(self, path: str, query: dict[str, Any]) -> Any:
        """What the Prefect server answers to whoever has the login."""
        login = base64.b64encode(self.secrets()["prefect_auth_string"].encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        request = urllib.request.Request(self.url("prefect", path), json.dumps(query).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def predict(self, row: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url("api", "/predict"), json.dumps(row).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers to an instant query."""
        path = f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        return self.json("prometheus", path)["data"]["result"]

    def containers(self) -> dict[str, str]:
        """Every running container's id by its service."""
        label = '{{index .Config.Labels "com.docker.compose.service"}}'
        ids = docker("ps", "-q", "--filter", "label=com.docker.compose.project").split()
        own = [one for one in ids if '"churn-test-' in docker("inspect", "-f", "{{json .Config.Labels}}", one)]
        return {docker("inspect", "-f", label, one).strip(): one for one in own}

    def kinesis(self) -> Any:
        return self._aws("kinesis")

    def objects(self, bucket: str, prefix: str) -> list[str]:
        """The keys under a prefix of a bucket."""
        pages = self._aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def _aws(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url("emulator"),
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def _usual_or_free(port: int) -> int:
    return free_port() if accepts(port) else port


def readme_commands(heading: str) -> list[str]:
    """The commands under a heading of the README, in order, each as it is copied into a shell."""
    section = (PROJECT / "README.md").read_text().partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    commands, pending = [], ""
    for line in re.findall(r"^    (.*)$", section, re.MULTILINE):
        pending += line
        try:
            shlex.split(pending)
        except ValueError:  # a quotation goes on in the next line
            pending += "\n"
            continue
        if pending.endswith("\\"):
            pending += "\n"
            continue
        commands.append(pending)
        pending = ""
    assert commands, f"the README has no commands under {heading}"
    return commands


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of the condition; fails with the last error after so many seconds."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            last = error
        time.sleep(0.5)
    pytest.fail(f"{what}: not within {seconds:g} s ({last!r})")


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker that answers."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.fail("Docker does not respond: this is no test that may be skipped in silence. See CONTRIBUTING.md")
    subprocess.run(["sh", "tests/stack/standins.sh"], cwd=PROJECT, check=True)


def standing(stack: ContainerStack) -> Iterator[ContainerStack]:
    """The stack, beginning with nothing and leaving nothing behind but the transcript of what was done with it."""
    stack.make("reset_all", "yes=1")
    yield stack
    stack.make("reset_all", "yes=1")
    (PROJECT / "build").mkdir(exist_ok=True)
    (PROJECT / "build" / f"walk-{stack.mode}.txt").write_text("\n".join(stack.walked))


@pytest.fixture(scope="module")
def stack(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerStack]:
    """The stack of your own machine."""
    yield from standing(ContainerStack(tmp_path_factory.mktemp("stack")))


@pytest.fixture(scope="module")
def cloud(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerStack]:
    """The stack of a virtual machine, with credentials, and LocalStack in the place of AWS."""
    secrets = {name: f"{name.lower()}-for-this-test" for name in CREDENTIALS}
    secrets |= {"PREFECT_AUTH_STRING": "flows:prefect-for-this-test", "BIND_ADDRESS": "127.0.0.1"}
    secrets |= {"AWS_ENDPOINT_URL": "http://localstack:4566", "COMPOSE_PROFILES": "localstack,postgres,simulators,tls"}
    secrets |= {"MLFLOW_ARTIFACTS_DESTINATION": "s3://feature-store/mlflow", "S3_BUCKET": "feature-store"}
    secrets |= {"AWS_ACCESS_KEY_ID": "AKIAFORTHISTEST", "AWS_SECRET_ACCESS_KEY": "aws-secret-for-this-test"}
    folder = tmp_path_factory.mktemp("tls")
    made_certificate(folder)
    secrets |= {"TLS_CERTIFICATE": str(folder / "certificate.pem"), "TLS_KEY": str(folder / "key.pem")}
    secrets |= {"TLS_BIND_ADDRESS": "127.0.0.1"}
    if "MONGO_VERSION" not in docker("inspect", "-f", "{{.Config.Env}}", "mongo:7.0.14"):
        secrets["MONGO_URI"] = "mongodb://mongo:27017"  # not the public image: its stand-in knows no login
    yield from standing(ContainerStack(tmp_path_factory.mktemp("cloud"), "cloud", secrets))


def made_certificate(folder: Path) -> None:
    """A key, and a certificate for localhost that it signed itself."""
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, *files, *name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def docker_command() -> Callable[..., str]:
    return docker
