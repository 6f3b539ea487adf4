"""What the workflow deploys, and what it runs on the machine: real git, and a `make` that says what it is asked."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from embedded.layout import PROJECT

MAKE = """#!/bin/sh
echo "$(git rev-parse --short HEAD) $*" >>"$FAKE/asked"
case "$*" in $BROKEN) exit 1 ;; esac
for each; do
    case $each in VERSION=*) sed -i "s/^IMAGE_TAG=.*/IMAGE_TAG=${each#VERSION=}/" .env.cloud ;; esac
done
"""
WORKFLOW = yaml.safe_load((PROJECT / ".github/workflows/deploy.yml").read_text())
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main")


def git(folder, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path):
    """A repository of two commits; the second pins another run."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet")
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    for run in ("a" * 32, "b" * 32):
        (origin / ".env.cloud").write_text(f"RUN_ID={run}\nREGISTRY=\nIMAGE_TAG=dev\n")
        git(origin, "add", ".env.cloud")
        git(origin, "commit", "--quiet", "-m", run)
    return origin


@pytest.fixture
def machine(tmp_path, origin):
    """Runs deploy-here.sh in a clone at the first commit, where v1.0.0 runs."""
    clone = tmp_path / "a folder"
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    git(clone, "checkout", "--quiet", "--detach", "HEAD~1")
    (clone / ".env.cloud").write_text(f"RUN_ID={'a' * 32}\nREGISTRY=ghcr.io/me\nIMAGE_TAG=v1.0.0\n")
    (tmp_path / "make").write_text(MAKE)
    (tmp_path / "make").chmod(0o755)

    def run(*arguments: str, broken: str = "nothing") -> tuple[subprocess.CompletedProcess[str], list[str], str, str]:
        environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "FAKE": str(tmp_path)}
        line = [
            "bash",
            str(PROJECT / "deploy/deploy-here.sh"),
            str(clone),
            git(origin, "rev-parse", "HEAD"),
            *arguments,
        ]
        environ |= {"BROKEN": broken, "SETTLE_SECONDS": "0"}
        done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
        asked = (tmp_path / "asked").read_text().splitlines()
        return done, asked, git(clone, "rev-parse", "HEAD"), (clone / ".env.cloud").read_text()

    return run


def commits(origin) -> tuple[str, str]:
    return git(origin, "rev-parse", "HEAD~1"), git(origin, "rev-parse", "HEAD")


def test_a_version_is_deployed_from_the_commit_of_its_tag(machine, origin):
    done, asked, head, env_file = machine("", "v2.0.0", "ghcr.io/me")
    _, new = commits(origin)
    assert done.returncode == 0, done.stderr
    assert [line.partition(" ")[2] for line in asked] == [
        "deploy env=cloud VERSION=v2.0.0 REGISTRY=ghcr.io/me",
        "healthy env=cloud",
    ]
    assert head == new
    assert "IMAGE_TAG=v2.0.0" in env_file


@pytest.mark.parametrize(
    ("given", "broken", "last"),
    [
        (("", "v2.0.0", "ghcr.io/me"), "deploy*VERSION=v2*", "deploy env=cloud VERSION=v2.0.0 REGISTRY=ghcr.io/me"),
        (("", "v2.0.0", "ghcr.io/me"), "healthy*", "deploy env=cloud VERSION=v1.0.0"),
        (("b" * 32,), "deploy*RUN_ID*", f"deploy env=cloud RUN_ID={'b' * 32}"),
        (("b" * 32,), "healthy*", "rollback env=cloud why=it was not healthy 0 s after the deploy"),
    ],
)
def test_what_does_not_work_leaves_the_folder_as_it_was(machine, origin, given, broken, last):
    done, asked, head, env_file = machine(*given, broken=broken)
    old, _ = commits(origin)
    assert done.returncode == 1
    assert asked[-1].partition(" ")[2] == last
    assert head == old
    assert env_file == f"RUN_ID={'a' * 32}\nREGISTRY=ghcr.io/me\nIMAGE_TAG=v1.0.0\n"
    assert "Not deployed" in done.stderr


@pytest.fixture
def compare(tmp_path, origin):
    """Runs the step of the workflow that finds what is to be deployed; returns its outputs."""
    step = next(step for step in WORKFLOW["jobs"]["changed"]["steps"] if step.get("id") == "compare")
    old, _ = commits(origin)
    (origin / "deploy").mkdir()
    (origin / "deploy/release_notes.py").write_text("import sys; sys.exit(sys.argv[1] != 'v1.0.0')")

    def run(**given: str) -> dict[str, str] | None:
        output = tmp_path / "output"
        output.write_text("")
        environ = {**os.environ, "GITHUB_OUTPUT": str(output), "BEFORE": old, "TAG": "", **given}
        line = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
        done = subprocess.run(line, cwd=origin, env=environ, capture_output=True, text=True, check=False)
        return None if done.returncode else dict(line.split("=", 1) for line in output.read_text().splitlines())

    return run


def test_only_a_changed_run_and_a_release_are_deployed(compare, origin):
    triggers = WORKFLOW[True]  # YAML reads `on` so
    assert triggers == {"push": {"branches": ["main"], "paths": [".env.cloud"]}, "release": {"types": ["published"]}}
    assert compare() == {"run_id": "b" * 32, "is_new": "yes"}
    assert compare(BEFORE=git(origin, "rev-parse", "HEAD")) == {"run_id": "b" * 32}
    assert compare(TAG="v1.0.0") == {"version": "v1.0.0", "is_new": "yes"}
    assert compare(TAG="v9.9.9") is None
    (origin / ".env.cloud").write_text("RUN_ID=$(reboot)\n")
    assert compare() is None
