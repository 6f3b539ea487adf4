"""The workflows and the Kubernetes files, by the checkers of those who read them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from embedded.environment import read_env_file
from tabular.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
KUBERNETES = PROJECT / "deploy/kubernetes"
BIN = Path(sys.executable).parent


def run(*arguments: object) -> str:
    done = subprocess.run([str(one) for one in arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_workflows_keep_to_the_schema():
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_zizmor_finds_no_weakness_in_the_workflows():
    run(BIN / "zizmor", "--offline", "--quiet", *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_only_and_pins_what_it_uses(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"own@{'0' * 40}"))


@pytest.mark.parametrize("path", [one for one in sorted(KUBERNETES.glob("*.yaml")) if one.name != "kustomization.yaml"])
def test_kubernetes_accepts_the_file(path):
    assert "passed" in run(BIN / "kubernetes-validate", "--strict", "-k", "1.33", path)


def test_the_kustomization_names_every_file_and_every_image():
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in KUBERNETES.glob("*.yaml")}
    used = {word for path in KUBERNETES.glob("*.yaml") for word in re.findall(r"image: (\S+)", path.read_text())}
    assert used == {image["name"] for image in kustomization["images"]}


def test_what_the_pods_are_given_are_settings():
    assert set(read_env_file(KUBERNETES / "servers.env")) <= {name.upper() for name in Settings.__struct_fields__}
