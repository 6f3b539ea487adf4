"""MLflow and Prefect on Debian's PostgreSQL, and MLflow's bundles in a bucket: what a training asks of them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import psycopg2
import pytest

from benchmarks.harness.stack import free_layout
from embedded.layout import PROJECT
from embedded.services import backends
from embedded.services.service import Service, free_port
from tabular.errors import InvalidSetting
from tabular.model.bundle_cache import BundleCache
from tabular.ports.registry import BUNDLE, CHAMPION, Dataset
from tabular.settings import Settings, load_settings
from tabular.wiring import Wiring

NOBODY = 65534
BUCKET = "registry-of-the-test"
PASSWORD = "of-the-test"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory) -> Iterator[Postgres]:
    """A server of its own, run as an ordinary user, with the logins of the image that containers use."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("Debian's package postgresql is not installed")
    as_user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()
    folder, port = Path(tempfile.mkdtemp()), free_port()  # root's own temporary folders keep that user out
    if as_user:
        os.chown(folder, NOBODY, NOBODY)
    begin = (*as_user, f"{programs[-1]}/initdb", "-D", f"{folder}/data", "-U", "postgres")
    subprocess.run(
        [*begin, "--auth-local=trust", "--auth-host=scram-sha-256"], cwd=folder, check=True, capture_output=True
    )
    command = (*as_user, f"{programs[-1]}/postgres", "-D", f"{folder}/data", "-p", str(port), "-k", str(folder))
    with Service("postgres", command, port).running(tmp_path_factory.mktemp("postgres") / "log"):
        found = Postgres(folder, port, tmp_path_factory.mktemp("secrets"))
        connected(f"postgresql://postgres@/postgres?host={folder}&port={port}").close()
        found.make_databases()
        yield found
    shutil.rmtree(folder)


class Postgres:
    """A running server; its databases are made as in its container, by containers/postgres-databases.sh."""

    def __init__(self, sockets: Path, port: int, secrets: Path) -> None:
        self._sockets, self._port, self._secrets = sockets, port, secrets

    def make_databases(self, password: str = PASSWORD) -> None:
        """The databases of MLflow and Prefect, each with a user that has this password from now on."""
        for name in ("MLFLOW", "PREFECT"):
            (self._secrets / f"POSTGRES_PASSWORD_{name}").write_text(password)
        where = {"PGHOST": str(self._sockets), "PGPORT": str(self._port), "SECRETS_DIR": str(self._secrets)}
        subprocess.run(
            ["sh", "containers/postgres-databases.sh"],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **where},
            check=True,
        )

    def address(self, user: str, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self._port}/{database}"


def connected(address: str):
    """A connection; for its first moments the server lets nobody in."""
    for _ in range(300):
        try:
            connection = psycopg2.connect(address)
        except psycopg2.OperationalError as error:
            if not any(why in str(error) for why in ("starting up", "No such file", "Connection refused")):
                raise
            time.sleep(0.1)
            continue
        connection.autocommit = True
        return connection
    pytest.fail("PostgreSQL lets nobody in")


@pytest.fixture(scope="module")
def kept_in(postgres, ministack, settings) -> Settings:
    """The settings of MLflow and Prefect with a database each, and a bucket."""
    found = msgspec.structs.replace(
        settings,
        mlflow_backend_uri=postgres.address("mlflow", "mlflow"),
        mlflow_artifacts_destination=f"s3://{BUCKET}/mlflow",
        prefect_database_uri=postgres.address("prefect", "prefect"),
        s3_bucket=BUCKET,
    )
    Wiring(found).objects().ensure_bucket()
    return found


def test_each_user_reaches_its_own_database_alone_and_has_the_newest_password(postgres):
    connected(postgres.address("mlflow", "mlflow")).close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        connected(postgres.address("prefect", "mlflow"))
    postgres.make_databases("another")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connected(postgres.address("mlflow", "mlflow"))
    connected(postgres.address("mlflow", "mlflow", "another")).close()
    postgres.make_databases()


@pytest.fixture
def start(tmp_path, settings):
    """Starts a server whose state folder is a new one each time, as on another machine."""
    running = []

    def starting(make, kept_in: Settings):
        layout = free_layout(tmp_path / str(len(running)))
        service: Service = make(layout, kept_in)
        aws = backends.AWS_ENVIRON | {"AWS_ENDPOINT_URL": settings.aws_endpoint_url}
        service = replace(service, environ={**aws, **service.environ})
        process = service.running(layout.logs / f"{service.name}.log")
        process.__enter__()
        running.append(process)
        return layout, service

    yield starting
    for process in reversed(running):
        process.__exit__(None, None, None)


def test_a_training_s_runs_models_and_bundles_are_in_the_database_and_the_bucket(start, kept_in, bundle, tmp_path):
    layout, service = start(backends.mlflow, kept_in)
    assert PASSWORD not in " ".join(service.command)
    registry = registry_at(layout, kept_in)
    parent = registry.start_run("sweep", {"seed": 42})
    run_id = registry.start_run("trial 000", {"trial": 0}, parent)
    registry.log_dataset(run_id, Dataset("churn", "ab" * 32, "s3://feature-store/churn"))
    registry.put_folder(run_id, bundle.folder, BUNDLE)
    registry.log(run_id, params={"max_depth": 3}, metrics={"validation_loss": 0.3}, tags={"note": "x" * 4_000})
    registry.finish(run_id)
    registry.register(run_id, CHAMPION, {"gate": "passed"})

    elsewhere, _ = start(backends.mlflow, kept_in)
    found = registry_at(elsewhere, kept_in)
    assert found.champion() == run_id
    assert found.run(run_id).metrics == {"validation_loss": 0.3}
    assert BundleCache(found, tmp_path / "copies", "churn").load(run_id).digest == bundle.digest
    with connected(kept_in.mlflow_backend_uri).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs")
        assert cursor.fetchone() == (2,)
    assert len([key for key in Wiring(kept_in).objects().keys("mlflow/") if run_id in key]) == 8
    for folder in (layout, elsewhere):
        assert not [path for path in folder.folder("mlflow").rglob("*") if path.suffix == ".db" or path.is_dir()]


def test_prefect_s_flows_are_in_the_database(start, kept_in):
    layout, service = start(backends.prefect, kept_in)
    assert PASSWORD not in " ".join(service.command)
    created = prefect(layout, service, "/flows/", {"name": "of the test"})
    elsewhere, other = start(backends.prefect, kept_in)
    (found,) = prefect(elsewhere, other, "/flows/filter", {})
    assert (found["name"], found["id"]) == ("of the test", created["id"])
    assert not list(layout.folder("prefect").glob("*.db"))


@pytest.mark.parametrize(
    ("name", "address", "why"),
    [
        ("MLFLOW_BACKEND_URI", "mysql://u:secret@h/db", "does not begin with postgresql://"),
        ("PREFECT_DATABASE_URI", "postgresql://u:se/cret@h/db", "must be written as"),
        ("MLFLOW_ARTIFACTS_DESTINATION", "/some/folder", "does not begin with s3://"),
    ],
)
def test_an_address_that_cannot_be_one_is_named_without_its_password(name, address, why):
    with pytest.raises(InvalidSetting, match=f"{name}.*{why}") as caught:
        load_settings({name: address})
    assert "secret" not in str(caught.value)
    assert "se/cret" not in str(caught.value)


def registry_at(layout, kept_in):
    return Wiring(
        msgspec.structs.replace(
            kept_in, mlflow_tracking_uri=f"http://127.0.0.1:{layout.ports.mlflow}", model_name="in_postgres"
        )
    ).registry()


def prefect(layout, service: Service, path: str, body: object):
    login = base64.b64encode(service.environ["PREFECT_SERVER_API_AUTH_STRING"].encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{layout.ports.prefect}/api{path}", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)
