"""The tests of the adapters take servers that run already, as on GitHub, by their addresses."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from embedded.layout import PROJECT


@pytest.mark.parametrize(
    ("variable", "address", "test"),
    [
        ("TEST_MONGO_URI", "mongodb://127.0.0.1:{port}", "test_ledger.py::test_times_are_kept_to_the_microsecond"),
        ("TEST_AWS_ENDPOINT", "http://127.0.0.1:{port}", "test_shards.py::test_a_shard_that_is_not_there_is_gone"),
    ],
)
def test_an_adapter_is_tested_on_the_server_that_is_named(store, ministack, variable, address, test):
    port = store.port if variable == "TEST_MONGO_URI" else ministack.port

    def run(address: str) -> subprocess.CompletedProcess[str]:
        line = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            f"tests/adapters/{test}",
        ]
        environ = {**os.environ, variable: address}
        return subprocess.run(line, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)

    done = run(address.format(port=port))
    assert done.returncode == 0, done.stdout
    assert run(address.format(port=9)).returncode == 1, "no other server is started in its place"


def test_the_workflow_runs_them_on_the_public_images_of_the_stack_and_with_a_login():
    job = yaml.safe_load((PROJECT / ".github/workflows/stack.yml").read_text())["jobs"]["adapters"]
    composed = {
        one["image"]
        for name in ("model-registry", "serve")
        for one in yaml.safe_load((PROJECT / f"docker-compose-{name}.yml").read_text())["services"].values()
    }
    services = job["services"]
    assert {one["image"] for one in services.values()} <= composed
    given = next(step["env"] for step in job["steps"] if "TEST_MONGO_URI" in step.get("env", {}))
    root = services["mongo"]["env"]
    login = f"{root['MONGO_INITDB_ROOT_USERNAME']}:{root['MONGO_INITDB_ROOT_PASSWORD']}"
    assert given["TEST_MONGO_URI"] == f"mongodb://{login}@127.0.0.1:27017/?authSource=admin"
    assert given["TEST_AWS_ENDPOINT"] == "http://127.0.0.1:4566"
