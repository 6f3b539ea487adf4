"""Secrets reach the containers as files, each only the services that use it; who may read them is checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from embedded.environment import read_env_file
from tests.service_secrets import LEAST_PRIVILEGE, SECRETS_BY_SERVICE

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE_FILES = [PROJECT / "docker-compose-model-registry.yml", PROJECT / "docker-compose-serve.yml"]
COMPOSED = [yaml.safe_load(file.read_text()) for file in COMPOSE_FILES]
SERVICES = {name: one for composed in COMPOSED for name, one in composed["services"].items()}
SECRET_NAME = re.compile("PASSWORD|USERNAME|API_KEY|WEBHOOK_URL|AUTH_STRING|SECRET|ACCESS_KEY|MONGO_URI")


def name_in_container(secret: dict[str, str]) -> str:
    """The file's name; what Prometheus and Alertmanager read lies in folders of theirs."""
    return {"/etc/prometheus/api_key": "API_KEY", "/etc/alertmanager/alertmanager.yml": "ALERTMANAGER_CONFIG"}.get(
        secret["target"], secret["target"]
    )


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_is_given_the_secrets_that_it_uses_and_no_others(service: str) -> None:
    assert {name_in_container(one) for one in SERVICES[service].get("secrets", [])} == SECRETS_BY_SERVICE[service]
    for secret in SERVICES[service].get("secrets", []):
        assert secret["source"] == LEAST_PRIVILEGE.get((service, secret["target"]), secret["source"])


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_secret_is_in_the_environment_of_a_container(service: str) -> None:
    environment = SERVICES[service].get("environment", {})
    assert not [name for name in environment if SECRET_NAME.search(name) and not name.endswith("_FILE")]


def stack_shell(script: str, tmp_path: Path, **values: str) -> subprocess.CompletedProcess[str]:
    """Runs a line among the functions of containers/, the state in a folder of its own."""
    given = {"mode": "cloud", "memory": str(tmp_path / "state"), **values}
    unset = dict.fromkeys(read_env_file(PROJECT / ".env.cloud"), "")
    return subprocess.run(
        ["bash", "-euc", f". containers/environment.sh; . containers/secrets.sh; {script}"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **unset, **given},
        capture_output=True,
        text=True,
        check=False,
    )


def written(tmp_path: Path, **values: str) -> dict[str, str]:
    done = stack_shell("write_secrets", tmp_path, **values)
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_text() for file in (tmp_path / "state/secrets").iterdir()}


def test_every_secret_of_the_compose_files_is_written_and_every_written_one_is_used(tmp_path: Path) -> None:
    declared = {name: one["file"] for composed in COMPOSED for name, one in composed["secrets"].items()}
    assert {Path(file).name for file in declared.values()} == set(declared) == set(written(tmp_path))
    used = {secret["source"] for one in SERVICES.values() for secret in one.get("secrets", [])}
    assert used == set(declared)


def test_the_folder_of_secrets_is_its_owners_alone_and_the_files_can_be_read_in_the_containers(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, API_KEY="changed-since")  # files that cannot be written are written again
    assert (tmp_path / "state/secrets").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state/secrets").iterdir()} == {0o444}
    assert (tmp_path / "state/secrets/api_key").read_text() == "changed-since"


def test_without_credentials_only_prefect_has_a_login_and_it_stays(tmp_path: Path) -> None:
    first = written(tmp_path, MONGO_URI="mongodb://mongo:27017", mode="local")
    assert {name for name, text in first.items() if text} == {
        "prefect_auth_string",
        "mongo_uri_servers",
        "mongo_uri_flows",
        "mongo_uri_monitor",
        "alertmanager_config",  # it says whom to tell: nobody
        "mongo_uri_shadow",
    }
    assert re.fullmatch("prefect:[0-9a-f]{48}", first["prefect_auth_string"])
    assert written(tmp_path, MONGO_URI="mongodb://mongo:27017", mode="local") == first
    assert {first[f"mongo_uri_{who}"] for who in ("servers", "flows", "monitor", "shadow")} == {"mongodb://mongo:27017"}


def test_each_service_has_a_user_of_its_own_in_the_store_and_none_is_root(tmp_path: Path) -> None:
    found = written(
        tmp_path, MONGO_USERNAME="root-of-all", MONGO_PASSWORD="p@ss/word: long", MLFLOW_TRACKING_PASSWORD="x"
    )
    uris = [found[f"mongo_uri_{who}"] for who in ("servers", "flows", "monitor", "shadow")]
    users = [re.fullmatch(r"mongodb://(\w+):([0-9a-f]{48})@mongo:27017/\?authSource=admin", uri) for uri in uris]
    assert [user and user[1] for user in users] == ["servers", "flows", "monitor", "shadow"]
    assert len({user and user[2] for user in users}) == 4
    assert found["mlflow_reader_username"] == "servers"
    assert len(found["mlflow_reader_password"]) == 48


def test_mlflow_and_prefect_have_a_user_each_in_the_stack_s_own_postgres(tmp_path: Path) -> None:
    found = written(tmp_path, COMPOSE_PROFILES="localstack,postgres")
    passwords = [found[f"postgres_password{of}"] for of in ("", "_mlflow", "_prefect")]
    assert len(set(passwords)) == 3
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)
    assert found["mlflow_backend_uri"] == f"postgresql://mlflow:{passwords[1]}@postgres:5432/mlflow"
    assert found["prefect_database_uri"] == f"postgresql+asyncpg://prefect:{passwords[2]}@postgres:5432/prefect"
    assert written(tmp_path, COMPOSE_PROFILES="localstack,postgres") == found


def test_a_postgres_elsewhere_is_used_with_the_login_that_it_was_given(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        COMPOSE_PROFILES="postgres",
        MLFLOW_BACKEND_URI="postgresql://a:b@db/runs",
        PREFECT_DATABASE_URI="postgresql://c:d@db/flows?ssl=require",
    )
    assert found["mlflow_backend_uri"] == "postgresql://a:b@db/runs"
    assert found["prefect_database_uri"] == "postgresql+asyncpg://c:d@db/flows?ssl=require"


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("MLFLOW_BACKEND_URI", "postgresql"),
        ("PREFECT_DATABASE_URI", "postgresql"),
        ("MLFLOW_ARTIFACTS_DESTINATION", "s3"),
    ],
)
def test_what_is_no_address_of_a_database_or_a_bucket_is_named(tmp_path: Path, name: str, scheme: str) -> None:
    rejected = stack_shell("write_secrets", tmp_path, **{name: "/some/where"})
    assert rejected.returncode == 1
    assert f"{name} must begin with {scheme}://" in rejected.stderr


def test_mlflow_has_the_key_of_aws_only_where_its_bundles_are_in_a_bucket(tmp_path: Path) -> None:
    key = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}
    names = ("mlflow_aws_access_key_id", "mlflow_aws_secret_access_key")
    without = written(tmp_path, **key)
    assert [without[name] for name in names] == ["", ""]
    within = written(tmp_path, MLFLOW_ARTIFACTS_DESTINATION="s3://bucket/mlflow", **key)
    assert [within[name] for name in names] == ["AKIA", "s"]


def test_a_certificate_is_handed_on_where_tls_is_started_and_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----"
    (tmp_path / "one.pem").write_text(f"{pem}\n")
    (tmp_path / "other").write_text("no PEM")
    files = {"TLS_CERTIFICATE": str(tmp_path / "one.pem"), "TLS_KEY": str(tmp_path / "one.pem")}
    assert written(tmp_path, **files)["tls_key"] == "", "without the profile it is nobody's"
    assert written(tmp_path, COMPOSE_PROFILES="tls", **files)["tls_certificate"] == pem
    for file, why in (
        ("", "is empty"),
        (str(tmp_path / "none"), "cannot be read"),
        (str(tmp_path / "other"), "no PEM"),
    ):
        rejected = stack_shell("write_secrets", tmp_path, COMPOSE_PROFILES="tls", **files | {"TLS_KEY": file})
        assert rejected.returncode == 1
        assert "TLS_KEY" in rejected.stderr
        assert why in rejected.stderr


def test_a_store_elsewhere_may_have_an_address_for_those_who_only_read(tmp_path: Path) -> None:
    found = written(
        tmp_path, MONGO_PASSWORD="x", MONGO_URI="mongodb://w@elsewhere", MONGO_MONITOR_URI="mongodb://r@elsewhere"
    )
    assert found["mongo_uri_servers"] == found["mongo_uri_flows"] == "mongodb://w@elsewhere"
    assert found["mongo_uri_monitor"] == "mongodb://r@elsewhere"


@pytest.mark.parametrize(("mode", "is_rejected"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_of_secrets_that_others_can_read_stops_the_start(tmp_path: Path, mode: int, is_rejected: bool) -> None:  # noqa: FBT001
    env_file = tmp_path / ".env.local"
    env_file.write_text((PROJECT / ".env.local").read_text())
    secrets = tmp_path / ".env.local.secrets"
    secrets.write_text("API_KEY=some\n")
    secrets.chmod(mode)
    done = subprocess.run(
        ["bash", "containers/stack.sh", "local", "setup-registry"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DOCKER_HOST": "tcp://127.0.0.1:1", "ENV_FILE": str(env_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (f"chmod 600 {secrets}" in done.stderr) == is_rejected
    assert ("Docker does not respond" in done.stderr) != is_rejected


def entered(folder: Path, user: int | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    script = (PROJECT / "containers/entrypoint.sh").read_text()
    return subprocess.run(
        ["sh", "-c", script, "entrypoint", "env"],
        user=user,
        env={"PATH": os.environ["PATH"], "SECRETS_DIR": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_program_finds_its_secrets_in_its_environment_and_an_empty_one_is_unset(tmp_path: Path) -> None:
    (tmp_path / "API_KEY").write_text("k$(echo no) \"'`\n")
    (tmp_path / "EMPTY").touch()
    (tmp_path / "kubernetes.io").mkdir()
    said = entered(tmp_path).stdout.splitlines()
    assert "API_KEY=k$(echo no) \"'`" in said
    assert not [line for line in said if line.startswith(("EMPTY", "kubernetes"))]
    assert entered(tmp_path / "nowhere").returncode == 0


def test_a_secret_that_is_given_twice_or_cannot_be_read_stops_the_program_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "API_KEY").write_text("one")
    twice = entered(tmp_path, API_KEY="other")
    assert twice.returncode == 1
    assert "API_KEY is given twice" in twice.stderr


def test_a_secret_that_cannot_be_read_stops_the_program() -> None:
    nobody = 65534
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # a folder of pytest's would keep out whoever is not its owner
        (folder / "API_KEY").write_text("one")
        (folder / "API_KEY").chmod(0)
        rejected = entered(folder, user=nobody if os.geteuid() == 0 else None)
    assert rejected.returncode == 1
    assert "API_KEY cannot be read" in rejected.stderr


def test_each_pod_is_given_the_secrets_of_its_twin_in_compose() -> None:
    for file, service in (
        ("api", "serve-api-a"),
        ("consumer", "serve-kinesis"),
        ("shadow", "serve-shadow"),
        ("monitor", "monitor"),
    ):
        first = next(yaml.safe_load_all((PROJECT / f"deploy/kubernetes/{file}.yaml").read_text()))
        pod = first["spec"]["template"]["spec"]
        assert "secretRef" not in json.dumps(pod)
        (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
        sources = [source["secret"] for source in volume["projected"]["sources"]]
        paths = {item["path"] for item in sources[0]["items"]}
        aws = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} if sources[1:] else set()
        assert paths | aws == SECRETS_BY_SERVICE[service]
        assert "command" not in pod["containers"][0], "it would replace the entry point, which reads the secrets"
