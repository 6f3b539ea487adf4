"""What a service reads can be set in containers, and what is set there is read."""

from __future__ import annotations

import re

import pytest
import yaml

from embedded.environment import read_env_file
from embedded.layout import PROJECT
from tabular.settings import Settings
from tests.repo.service_settings import PROGRAMS, settings_read_by

SETTINGS = {name.upper() for name in Settings.__struct_fields__}
COMPOSE = {
    "worker": "flows",
    "serve-api-a": "api",
    "serve-api-b": "api",
    "serve-kinesis": "consumer",
    "serve-shadow": "shadow",
    "monitor": "monitor",
    "front-page": "front_page",
    "send_data-api": "send_data_api",
    "send_data-kinesis": "send_data_kinesis",
}
KUBERNETES = {"api.yaml": "api", "consumer.yaml": "consumer", "shadow.yaml": "shadow", "monitor.yaml": "monitor"}
# The folders are volumes, and the image says where they are; the ports inside are the containers' own.
FOLDERS = {"STATE_DIR", "FLOW_CACHE_DIR", "REPORTS_DIR"}
# Of an image with a model inside (containers/model), which is all that it has: here are a registry and a store.
INSIDE = {"MODEL_DIR", "PREDICTION_STORE"}
PORTS = {"API_PORT", "CONSUMER_METRICS_PORT", "SHADOW_METRICS_PORT", "MONITOR_PORT"}
# The image has no Dask; the table comes in by `make init_aws DATASET_CSV=path`; the simulator is given --url; ACCEPT is
# given to one training, as a parameter of its run.
NOT_IN_CONTAINERS = {
    "worker": {"DASK_SCHEDULER", "SWEEP_ENGINE", "SWEEP_PARALLELISM", "DATASET_CSV", "ACCEPT"},
    "send_data-api": {"API_PORT"},
}


def services() -> dict[str, dict]:
    files = [PROJECT / "docker-compose-model-registry.yml", PROJECT / "docker-compose-serve.yml"]
    return {name: one for file in files for name, one in yaml.safe_load(file.read_text())["services"].items()}


@pytest.mark.parametrize("name", COMPOSE)
def test_each_setting_that_a_service_reads_can_be_set_in_compose_and_no_other_is(name: str) -> None:
    one, read = services()[name], settings_read_by(COMPOSE[name])
    given = {*one["environment"], *(secret["target"] for secret in one.get("secrets", []))} & SETTINGS
    # What a program takes as an option stands in its command.
    read |= {each for each in SETTINGS if f"${each}" in str(one.get("command"))}
    assert read - given == ((FOLDERS | INSIDE) & read) | NOT_IN_CONTAINERS.get(name, set())
    assert given - read == set()


def test_the_folders_are_those_of_the_image() -> None:
    image = (PROJECT / "Dockerfile").read_text()
    assert {name for name in FOLDERS if f" {name}=/" in image} == FOLDERS


def test_an_image_with_a_model_inside_sets_what_the_stack_does_not() -> None:
    texts = [(PROJECT / "containers/model" / name).read_text() for name in ("Dockerfile", "serve.sh")]
    assert {name for name in INSIDE if f"{name}=" in "".join(texts)} == INSIDE


def given_to_the_pods() -> set[str]:
    return set(read_env_file(PROJECT / "deploy/kubernetes/servers.env"))


@pytest.mark.parametrize("file", KUBERNETES)
def test_each_setting_that_a_pod_reads_can_be_set_in_kubernetes(file: str) -> None:
    manifest = (PROJECT / "deploy/kubernetes" / file).read_text()
    own = set(re.findall(r"\{ name: ([A-Z_]+), value", manifest)) | set(re.findall(r", path: ([A-Z_]+) \}", manifest))
    assert settings_read_by(KUBERNETES[file]) - own - given_to_the_pods() <= FOLDERS | INSIDE | PORTS
    assert own & SETTINGS <= settings_read_by(KUBERNETES[file])


def test_each_setting_that_kubernetes_gives_is_read_by_one_of_the_pods() -> None:
    assert given_to_the_pods() <= set().union(*map(settings_read_by, KUBERNETES.values()))


def test_every_setting_is_read_by_a_service_or_belongs_to_the_embedded_mode() -> None:
    read = set().union(*map(settings_read_by, PROGRAMS))
    page = (PROJECT / "tabular/setting_groups/embedded.py").read_text()
    embedded = {name.upper() for name in re.findall(r'    (\w+): [^\n]+\n    """Embedded mode', page)}
    assert SETTINGS - read - embedded == {"SIMULATOR_RATE_PER_SECOND", "SIMULATOR_SHIFT"}
