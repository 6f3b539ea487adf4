"""The compose files, the env files, the settings and the images hold together."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from embedded.environment import read_env_file
from tabular.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE_FILES = [PROJECT / "docker-compose-model-registry.yml", PROJECT / "docker-compose-serve.yml"]
LOCAL, CLOUD = read_env_file(PROJECT / ".env.local"), read_env_file(PROJECT / ".env.cloud")
CREDENTIALS = {
    "API_KEY",
    "MONGO_USERNAME",
    "MONGO_PASSWORD",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "PREFECT_AUTH_STRING",
    "REPORTS_USERNAME",
    "REPORTS_PASSWORD",
    "GRAFANA_USERNAME",
    "GRAFANA_PASSWORD",
}
# What compose itself, or the commands around it, read from the env files.
READ_BY_THE_COMMANDS = {"COMPOSE_PROFILES", "DATASET_CSV"}
# Of these containers/alertmanager.sh makes one file.
MAIL = {f"ALERT_SMTP_{name}" for name in ("HOST", "FROM", "TO", "USERNAME", "PASSWORD")}
# What containers/secrets.sh makes files of, which compose mounts.
SECRETS = CREDENTIALS | {"MONGO_URI", "MONGO_MONITOR_URI", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
SECRETS |= MAIL | {"ALERT_WEBHOOK_URL", "MLFLOW_BACKEND_URI", "PREFECT_DATABASE_URI", "TLS_CERTIFICATE", "TLS_KEY"}


def services() -> dict[str, dict]:
    return {name: one for file in COMPOSE_FILES for name, one in yaml.safe_load(file.read_text())["services"].items()}


def variables(file: Path) -> dict[str, str]:
    """Every ${NAME...} of a file, with what follows the name; comments left out."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    return dict(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)([^}]*)\}", "\n".join(lines)))


def listening() -> list[tuple[str, str]]:
    return [(name, port) for name, one in services().items() for port in one.get("ports", [])]


def test_both_env_files_have_the_same_keys_in_the_same_order() -> None:
    assert list(LOCAL) == list(CLOUD)


def test_every_variable_of_the_compose_files_stands_in_the_env_files_and_the_other_way_round() -> None:
    used = {name for file in COMPOSE_FILES for name in variables(file)}
    assert used | READ_BY_THE_COMMANDS | SECRETS == set(LOCAL)
    assert not used & SECRETS


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_a_variable_that_is_missing_stops_compose(file: Path) -> None:
    lax = [name for name, rest in variables(file).items() if not rest.startswith(("?", ":?"))]
    assert lax == []


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=lambda file: file.name)
def test_a_variable_that_may_be_empty_is_empty_in_one_env_file_and_no_other_is(file: Path) -> None:
    for name, rest in variables(file).items():
        may_be_empty = not rest.startswith(":?")
        is_empty = not LOCAL[name] or (not CLOUD[name] and name != "CREDENTIALS")
        assert may_be_empty == is_empty, name


def test_what_a_container_is_given_is_a_setting_or_a_vendors_own_variable() -> None:
    vendors = re.compile(
        "MLFLOW_|PREFECT_|AWS_|GF_|MONGO_INITDB_|DO_NOT_TRACK|TRAIN_CRON|REACT_CRON|REPORT_CRON|SCORE_CRON|RETENTION_CRON"
    )
    own = {
        "localstack",
        "reports",
        "mongo",
        "grafana",
        "postgres",
        "serve-tls",
    }  # stock images, with variables of their own
    settings = {name.upper() for name in Settings.__struct_fields__}
    for name, one in services().items():
        strange = {key for key in one.get("environment", {}) if key not in settings and not vendors.match(key)}
        assert name in own or not strange, f"{name}: {strange}"


def test_what_the_embedded_stack_sets_can_be_set_in_containers_too() -> None:
    assert set(read_env_file(PROJECT / ".env.embedded")) <= set(LOCAL)


def test_the_local_file_holds_only_harmless_values_and_the_cloud_file_no_secret() -> None:
    assert {LOCAL[name] for name in CREDENTIALS} <= {"", "admin"}
    assert {CLOUD[name] for name in SECRETS | {"CREDENTIALS"}} == {""}


@pytest.mark.parametrize("name", sorted(services()))
def test_every_service_is_checked_limited_restarted_and_pinned(name: str) -> None:
    one = services()[name]
    assert one["healthcheck"]["test"]
    assert one["mem_limit"]
    assert one["restart"] == "unless-stopped"
    assert one["logging"]["options"]["max-size"]
    assert "container_name" not in one
    version = r"\d+\.\d+" if name == "postgres" else r"v?\d+\.\d+\.\d+"  # the versions of PostgreSQL have two parts
    assert re.search(rf":({version}|\$\{{IMAGE_TAG:\?\}})$", one["image"]), "the image must be pinned to a version"
    # LocalStack does not run as an ordinary user: the compose file says so, and the docs.
    if name != "localstack":
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]


def test_a_service_waits_only_for_services_that_are_checked() -> None:
    for name, one in services().items():
        for other, what in one.get("depends_on", {}).items():
            assert what == {"condition": "service_healthy"}, name
            assert "healthcheck" in services()[other]


def test_only_what_has_a_login_can_be_opened_to_the_world() -> None:
    opened = {re.findall(r"\$\{(\w+)_PORT", port)[0] for _, port in listening() if not port.startswith("127.0.0.1:")}
    assert opened == {"API", "TLS", "TLS_REDIRECT", "MLFLOW", "PREFECT", "REPORTS", "GRAFANA"}
    assert {LOCAL["BIND_ADDRESS"], LOCAL["UI_BIND_ADDRESS"], CLOUD["UI_BIND_ADDRESS"]} == {"127.0.0.1"}


def test_only_what_checks_who_asks_has_a_port_of_its_own() -> None:
    checks = {"registry-proxy", "serve-proxy", "serve-api", "serve-tls", "mlflow"}
    assert {name for name, _ in listening()} - checks == {"mongo"}, "put it behind containers/proxy/nginx.conf"
    nginx = (PROJECT / "containers/proxy/nginx.conf").read_text()
    for name, port in listening():
        inside = port.rpartition(":")[2]
        assert not name.endswith("-proxy") or f"listen {inside};" in nginx


def test_a_pinned_image_is_one_of_the_stack_and_its_digest_is_whole() -> None:
    stock = subprocess.run(
        ["sh", "containers/stock-images.sh"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    for line in (PROJECT / "containers/images.lock").read_text().splitlines():
        if not line.startswith("#"):
            image, digest = re.fullmatch(r"(\S+:\S+)@sha256:([0-9a-f]{64})", line).groups()
            assert image in stock.stdout.split()
            assert len(set(digest)) > 4


def test_what_is_mounted_is_there_and_cannot_be_written() -> None:
    for name, one in services().items():
        for volume in one.get("volumes", []):
            source, _, rest = volume.partition(":")
            if source.startswith("./") and source != "./data":
                assert (PROJECT / source).exists(), f"{name}: {source}"
                assert rest.endswith(":ro"), f"{name}: {volume}"


def test_no_python_file_is_under_the_mlflow_folder() -> None:
    assert list((PROJECT / "mlflow").rglob("*.py")) == []


def cloud(given: dict[str, str], command: str = "setup-registry") -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": "tcp://127.0.0.1:1", **given}
    return subprocess.run(
        ["bash", "containers/stack.sh", "cloud", command],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


GOOD = {name: f"one-good-{name.lower()}" for name in CREDENTIALS} | {"PREFECT_AUTH_STRING": "prefect:long-enough-12"}


@pytest.mark.parametrize("command", ["run", "setup-registry", "start-serve", "deploy"])
def test_the_cloud_stack_does_not_start_and_names_every_credential_that_is_missing(command: str) -> None:
    rejected = cloud({}, command)
    assert rejected.returncode == 1
    assert {name for name in CREDENTIALS if f"{name} is missing" in rejected.stderr} == CREDENTIALS


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_the_cloud_stack_rejects_a_well_known_credential(name: str) -> None:
    rejected = cloud(GOOD | {name: "admin"})
    assert rejected.returncode == 1
    assert f"{name} is a default" in rejected.stderr
    assert rejected.stderr.count("is a default") == 1


def test_the_cloud_stack_rejects_a_short_password_and_a_prefect_login_without_a_name() -> None:
    assert "API_KEY has fewer than 12" in cloud(GOOD | {"API_KEY": "short"}).stderr
    assert "MONGO_USERNAME must not be servers" in cloud(GOOD | {"MONGO_USERNAME": "servers"}).stderr
    assert "must be name:password" in cloud(GOOD | {"PREFECT_AUTH_STRING": "only-a-password"}).stderr


def test_with_all_credentials_only_docker_is_missing() -> None:
    assert "Docker does not respond" in cloud(GOOD).stderr


def test_every_query_of_the_dashboards_is_over_the_provisioned_datasource() -> None:
    provisioned = yaml.safe_load((PROJECT / "monitoring/grafana/provisioning/datasources/prometheus.yml").read_text())
    uids = {one["uid"] for one in provisioned["datasources"]}
    for file in (PROJECT / "monitoring/grafana/dashboards").glob("*.json"):
        dashboard = json.loads(file.read_text())
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        assert len({panel["title"] for panel in panels}) == len(panels) > 5
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
        assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == uids
