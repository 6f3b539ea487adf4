"""Which images a stack of containers uses, and how their version is changed, with a stand-in for Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from embedded.layout import PROJECT

# Notes what it is asked. Images on this machine are the lines of `local`, those of the registry the lines of `remote`;
# what `broken` names, a tag and a service or a check, fails.
DOCKER = r"""#!/usr/bin/env bash
cd "$FAKE"
echo "${REGISTRY}$IMAGE_TAG RUN_ID=$RUN_ID: $*" >>asked
has() { grep -qxF "$1" "$2" 2>/dev/null; }
case "$*" in
    "compose up --help") echo "--wait-timeout" ;;
    *"config --images") echo nginx:1.28.0; printf "${REGISTRY}churn-%s:$IMAGE_TAG\n" serving flows ;;
    "image inspect "*) has "$3" local ;;
    "pull "*) has "$2" remote && echo "$2" >>local ;;
    *" ps -q "*) echo 1 ;;
    *" up -d "*) ! has "$IMAGE_TAG ${!#}" broken ;;
    *" run "*gunicorn*) ! has "$IMAGE_TAG trial" broken ;;
    *check_bundle*) ! has "$IMAGE_TAG check_bundle" broken ;;
    *check_responses*) ! has "$IMAGE_TAG check_responses" broken ;;
esac
"""
ORDER = ["serve-api-a", "serve-api-b", "serve-kinesis", "serve-shadow", "monitor"]


@pytest.fixture
def stack(tmp_path):
    """Runs containers/stack.sh in a folder of its own; returns what it did. `dev` runs, and `v1.0.0` is here."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "containers", project / "containers")
    shutil.copy(PROJECT / ".env.local", project)
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "local").write_text("churn-serving:v1.0.0\nchurn-flows:v1.0.0\n")

    def run(*command: str, **given: str) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if key not in {"RUN_ID", "REGISTRY", "IMAGE_TAG"}}
        environ |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FAKE": str(tmp_path), **given}
        line = ["bash", "containers/stack.sh", "local", *command]
        return subprocess.run(line, cwd=project, env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def asked(tmp_path):
    """What Docker was asked so far that matches, by the images that were meant then."""

    def found(pattern: str) -> list[tuple[str, str]]:
        lines = (tmp_path / "asked").read_text().splitlines()
        pairs = [line.split(" ", 1) for line in lines]
        return [(images, match[1]) for images, rest in pairs if (match := re.search(pattern, rest))]

    return found


def env_file(tmp_path) -> dict[str, str]:
    lines = (tmp_path / "project" / ".env.local").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


REPLACED = r"up -d .* (\S+)$"


def test_a_version_replaces_the_replicas_one_by_one_each_checked_then_all_else(stack, asked, tmp_path):
    done = stack("deploy-version", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert "To go back: make deploy env=local VERSION=dev" in done.stdout
    steps = asked(r"(check_bundle|check_responses|up -d .* \d+ ?.*)$")
    assert {images for images, _ in steps} == {"v1.0.0"}
    names = [step.rpartition(" ")[2] for _, step in steps]
    halves = ["240", "240"]
    assert names == ["check_bundle", ORDER[0], "check_responses", ORDER[1], "check_responses", *ORDER[2:], *halves]
    assert env_file(tmp_path)["IMAGE_TAG"] == "v1.0.0"
    assert not asked(r"(build|pull)")
    assert not asked(r"(up .*--no-deps)"), "Compose 2.26 would recreate both replicas at the end"


@pytest.mark.parametrize("broken", ["serve-api-a", "serve-api-b", "check_responses", "monitor"])
def test_a_version_that_does_not_work_is_taken_back_everywhere(stack, asked, tmp_path, broken):
    (tmp_path / "broken").write_text(f"v1.0.0 {broken}\n")
    done = stack("deploy-version", "v1.0.0")
    assert done.returncode == 1
    assert "VERSION v1.0.0 was not deployed; dev runs again" in done.stderr
    assert env_file(tmp_path)["IMAGE_TAG"] == "dev"
    put_back = [name for images, name in asked(REPLACED) if images == "dev"]
    assert put_back[: len(ORDER)] == ORDER
    assert stack("deploy-version", "v1.0.0").returncode == 1, "what runs is dev still"


@pytest.mark.parametrize("check", ["check_bundle", "trial"])
def test_a_version_that_scores_otherwise_or_does_not_respond_changes_nothing(stack, asked, tmp_path, check):
    (tmp_path / "broken").write_text(f"v1.0.0 {check}\n")
    done = stack("deploy-version", "v1.0.0")
    assert done.returncode == 1
    assert "Nothing was changed: dev still runs" in done.stderr
    assert not asked(REPLACED)
    assert env_file(tmp_path)["IMAGE_TAG"] == "dev"


def test_images_that_are_nowhere_are_named_with_the_remedy(stack, asked):
    done = stack("deploy-version", "v2.0.0")
    assert done.returncode == 1
    assert "The image churn-flows:v2.0.0 is not on this machine. Nothing was changed" in done.stderr
    assert "REGISTRY=ghcr.io/owner" in done.stderr
    assert "git checkout v2.0.0" in done.stderr
    done = stack("deploy-version", "v2.0.0", REGISTRY="ghcr.io/me")
    assert "ghcr.io/me/churn-flows:v2.0.0 cannot be pulled. Nothing was changed" in done.stderr
    assert "docker login ghcr.io" in done.stderr
    assert "is not the tag of an image" in stack("deploy-version", "v2 0").stderr
    assert not asked(REPLACED)


def test_the_images_of_a_registry_are_pulled_once_and_remembered_whatever_git_does(stack, asked, tmp_path):
    images = [f"ghcr.io/me/churn-{name}:{tag}" for name in ("serving", "flows") for tag in ("v1.0.0", "v2.0.0", "edge")]
    (tmp_path / "remote").write_text("\n".join(images))
    assert stack("deploy-version", "v1.0.0", REGISTRY="ghcr.io/me/").returncode == 0
    found = env_file(tmp_path)
    assert (found["REGISTRY"], found["IMAGE_TAG"]) == ("ghcr.io/me", "v1.0.0")
    assert stack("deploy-version", "v1.0.0").returncode == 0
    assert len(asked("(pull )")) == 2, "a release does not change"
    # A checkout of a commit puts the env file of that commit there.
    shutil.copy(PROJECT / ".env.local", tmp_path / "project")
    (tmp_path / "broken").write_text("v2.0.0 serve-api-b\n")
    done = stack("deploy-version", "v2.0.0")
    assert "v1.0.0 runs again" in done.stderr
    assert asked(REPLACED)[-1][0] == "ghcr.io/me/v1.0.0"
    shutil.copy(PROJECT / ".env.local", tmp_path / "project")
    assert stack("deploy", "").returncode == 0
    assert env_file(tmp_path)["IMAGE_TAG"] == "v1.0.0", "another model is no other code"
    for _ in range(2):
        assert stack("deploy-version", "edge").returncode == 0
    assert len(asked("(pull .*:edge)")) == 4, "any other tag may have moved"


def test_the_model_stays_where_git_brings_another_run(stack, asked, tmp_path):
    assert stack("deploy", "a" * 32, RUN_ID="a" * 32).returncode == 0
    shutil.copy(PROJECT / ".env.local", tmp_path / "project")
    assert stack("deploy-version", "v1.0.0").returncode == 0
    assert env_file(tmp_path)["RUN_ID"] == "a" * 32
    assert asked(r"(RUN_ID=a{32}: compose .* up -d .*)")[-1][0] == "v1.0.0"


def test_the_run_that_is_pinned_is_verified_unless_another_is_named(stack, asked):
    assert stack("deploy", "a" * 32, RUN_ID="a" * 32).returncode == 0
    for given in ((), ("--run-id", "b" * 32)):
        assert stack("verify-model", "--", *given).returncode == 0
    asked_for = [line for _, line in asked(r"measurement (.*)$")]
    assert asked_for == [f"--run-id {'a' * 32}", f"--run-id {'a' * 32} --run-id {'b' * 32}"], "the last one counts"


def test_a_start_builds_this_folder_and_never_what_is_a_release(stack, asked):
    assert stack("setup-registry").returncode == 0
    assert [images for images, _ in asked("( build )")] == ["dev"]
    assert stack("setup-registry", IMAGE_TAG="v1.0.0").returncode == 0
    assert [images for images, _ in asked("( build )")] == ["dev"]
    assert "git checkout v3.0.0" in stack("setup-registry", IMAGE_TAG="v3.0.0").stderr


def test_images_are_built_with_the_labels_of_their_code(stack, asked, tmp_path):
    project = tmp_path / "project"
    git = ("git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b.example")
    for command in (
        ("init", "--quiet"),
        ("remote", "add", "origin", "https://me:secret@git.example/churn.git"),
        ("add", "containers"),
        ("commit", "--quiet", "-m", "one"),
    ):
        subprocess.run([*git, *command], check=True)
    assert stack("images", IMAGE_TAG="v1.2.0", REGISTRY="ghcr.io/me").returncode == 0
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    built = asked("build (--build-arg.*)")
    given = f"--build-arg VERSION=v1.2.0 --build-arg REVISION={commit} --build-arg SOURCE=https://git.example/churn.git"
    assert built == [("ghcr.io/me/v1.2.0", given)] * 2
    for file in ("Dockerfile", "mlflow/Dockerfile"):
        labels = re.findall(r"org\.opencontainers\.image\.(\w+)=", (PROJECT / file).read_text())
        assert labels == ["title", "version", "revision", "source"]
