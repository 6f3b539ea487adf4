"""What `make` does in containers, with a stand-in for Docker that runs the worker's commands here."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.model.bundle import read_bundle
from tabular.settings import Settings
from tabular.wiring import Wiring

RUN_ID = "a" * 32

# Everything is up; a command in the worker runs here, with another state folder, and Prefect's is only noted.
DOCKER = r"""#!/usr/bin/env bash
case "$*" in
    info) exit 0 ;;
    "compose up --help") echo "--wait-timeout"; exit 0 ;;
    *" ps -q worker" | *" ps -q serve-api") echo 1; exit 0 ;;
    *" exec -T worker "*) while [ "$1" != worker ]; do shift; done; shift ;;
    *) exit 0 ;;
esac
if [ "$1 $2" = "sh containers/entrypoint.sh" ]; then shift 2; fi
case "$*" in *"prefect --no-prompt"*) printf '%s\n' "$@" >"$FAKE/prefect"; exit 0 ;; esac
set -- "${@//\/state/$FAKE/state}"
cd "$PROJECT_FOLDER" && exec "${@//\/reports/$FAKE/reports}"
"""


@pytest.fixture
def stack(tmp_path, bundle):
    """Runs containers/stack.sh in a folder of its own, whose worker has the bundle of a run."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "containers", project / "containers")
    shutil.copy(PROJECT / ".env.local", project)
    shutil.copytree(bundle.folder, tmp_path / "state" / "bundles" / RUN_ID)
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(*command: str, **given: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "FAKE": str(tmp_path), "PROJECT_FOLDER": str(PROJECT)}
        environ |= {"STATE_DIR": str(tmp_path / "state"), "TABLES": "credit_card_churn,iris", **given}
        return subprocess.run(
            ["bash", "containers/stack.sh", "local", *command],
            cwd=project,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_file_is_scored_in_the_worker_and_everything_comes_back(stack, tmp_path, contract):
    file, out = tmp_path / "my rows.csv", tmp_path / "my results" / "scores of may.csv"
    file.write_bytes(make_table(contract, 40, seed=2) + b"1,2,3\n")
    done = stack("score", "--", str(file), str(out), "--run-id", RUN_ID, "--table", "credit_card_churn")
    assert done.returncode == 0, done.stdout + done.stderr
    with out.open(newline="") as scores:
        assert [row["row"] for row in csv.DictReader(scores)] == [str(number) for number in range(1, 41)]
    assert json.loads(out.with_name("scores of may.summary.json").read_bytes())["faulty"] == 1
    assert out.with_name("scores of may.faults.csv").read_text().splitlines()[1].startswith("41,cells,are 3")
    assert not list((tmp_path / "state" / "scoring").iterdir())
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "scores of may.csv",
        "scores of may.faults.csv",
        "scores of may.summary.json",
    ]


def test_the_model_of_a_run_comes_out_of_the_worker_as_an_image_is_built_from_it(stack, tmp_path, bundle):
    folder = tmp_path / "an image"
    done = stack("export-model", "--", str(folder), "--run-id", RUN_ID, "--table", "credit_card_churn")
    assert done.returncode == 0, done.stdout + done.stderr
    copy = read_bundle(folder / "model" / RUN_ID)
    assert copy.digest == bundle.digest
    assert load_contract(folder / "contract.toml") == bundle.contract
    assert f"mlops.run-id={RUN_ID}\nmlops.bundle={bundle.digest}\n" in (folder / "labels").read_text()
    others = [path for path in folder.rglob("*") if path.stat().st_mode & 0o004 == 0]
    assert others == [], "in the image another user reads them"
    assert not (tmp_path / "state" / "image").exists()


def test_a_run_that_is_of_no_use_makes_no_image(stack, tmp_path):
    done = stack("export-model", "--", str(tmp_path / "image"), "--run-id", RUN_ID, "--table", "iris")
    assert done.returncode != 0
    assert f"the run {RUN_ID} is a model of the table credit_card_churn, and iris is served here" in done.stderr
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize("command", [("score", "--", "rows.csv", "out.csv"), ("labels", "--", "rows.csv")])
def test_a_table_that_the_stack_does_not_have_is_named_with_those_it_has(stack, tmp_path, command):
    (tmp_path / "project" / "rows.csv").write_text("prediction_id,label\n")
    done = stack(*command, "--table", "taxi_rides")
    assert done.returncode != 0
    assert "this stack has no table 'taxi_rides'. Its tables are credit_card_churn, iris" in done.stderr


def test_a_file_that_is_not_there_is_named(stack):
    for command in (("score", "--", "none.csv", "out.csv"), ("labels", "--", "none.csv")):
        assert "file=none.csv: there is no such file" in stack(*command).stderr


def test_whether_a_run_is_pinned_is_found_out_without_a_word(stack):
    for command in (("promote", "--", "--run-id", RUN_ID), ("rollback", "--")):
        done = stack(*command, "--why=It was worse.", "--by=ann", MONGO_URI="mongodb://127.0.0.1:9", RUN_IDS="iris=b")
        assert done.returncode != 0, "there is no registry here"
        assert "sed" not in done.stderr
        assert "pinned" not in done.stderr


def test_the_documentation_is_put_beside_the_reports_and_replaces_what_was_there(stack, tmp_path):
    project, docs = tmp_path / "project", tmp_path / "reports" / "docs"
    shutil.copytree(PROJECT / "docs" / "site", project / "docs" / "site", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "build" / "docs-site" / "how-to").mkdir(parents=True)
    (project / "build" / "docs-site" / "index.html").write_text("new")
    (project / "build" / "docs-site" / "index.html").chmod(0o600)  # as under the umask of a careful user
    docs.mkdir(parents=True)
    (docs / "old.html").write_text("old")
    done = stack("docs-site")
    assert done.returncode == 0, done.stderr
    assert "http://localhost:8888/docs/" in done.stdout
    assert sorted(path.name for path in docs.rglob("*")) == ["how-to", "index.html"]
    assert (docs / "index.html").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in docs.parent.iterdir()] == ["docs"]


def test_the_reason_to_accept_reaches_the_training_as_it_was_written(stack, tmp_path):
    reason = 'the file was "cut"\non purpose: \\ is a backslash'
    done = stack("train", "train", "--", "--table", "iris", ACCEPT=reason)
    given = (tmp_path / "prefect").read_text().splitlines()
    parameters = dict(each.split("=", 1) for each in given if "=" in each)
    assert json.loads(parameters["accept"]) == reason.replace("\n", " "), done.stderr
    assert json.loads(parameters["table"]) == "iris"


@pytest.fixture
def stored(stack, layout, ministack, contract):
    """Runs a command of a stack whose feature store has a version of the table; returns what it said."""
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{ministack.port}", s3_bucket="profiled")
    wiring = Wiring(settings, contract)
    wiring.objects().ensure_bucket()
    feature_store.publish(wiring.objects(), contract, make_table(contract, 300, seed=5), "may.csv", synthetic=True)

    def run(*command: str) -> str:
        done = stack(*command, AWS_ENDPOINT_URL=settings.aws_endpoint_url, S3_BUCKET=settings.s3_bucket)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_version_of_the_stack_s_own_feature_store_is_profiled_in_the_worker(stored, tmp_path, contract):
    shutil.copy(PROJECT / "contracts/credit_card_churn.toml", tmp_path / "my churn.toml")
    out = tmp_path / "pages of may" / "churn.html"
    stored(
        "profile", "--", "--csv", "", "--target", "", "--contract", str(tmp_path / "my churn.toml"), "--out", str(out)
    )
    assert out.read_text().startswith("<!doctype html>")
    found = json.loads(out.with_suffix(".json").read_bytes())
    assert (found["rows"], found["name"]) == (300, contract.table.title)
    assert not (tmp_path / "state" / "profile").exists()


def test_a_file_is_profiled_beside_the_version_of_the_stack(stored, tmp_path, contract):
    file, page = tmp_path / "new rows.csv", tmp_path / "project" / "build" / "profiles" / "churn.html"
    file.write_bytes(make_table(contract, 200, seed=6))
    shutil.copy(PROJECT / "contracts/credit_card_churn.toml", tmp_path / "churn.toml")
    said = stored("profile", "--", "--csv", str(file), "--contract", str(tmp_path / "churn.toml"), "--out", "")
    assert "300 rows" in next(line for line in said.splitlines() if line.startswith("earlier"))
    assert json.loads(page.with_suffix(".json").read_bytes())["is_compared"]


@pytest.mark.parametrize("given", [("--csv", "none.csv"), ("--contract", "none.toml")])
def test_what_is_to_be_profiled_and_is_not_there_is_named(stack, given):
    assert f"{given[1]}: there is no such file" in stack("profile", "--", *given).stderr


def test_make_asks_the_stack_that_is_named_for_a_profile():
    command = ["make", "-n", "profile", "env=local", "CONTRACT=contracts/iris.toml"]
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert "bash containers/stack.sh local profile" in shown
    assert "embedded" not in shown


DEPLOY = """
set -euo pipefail
env_file=env memory=memory mode=local
say() { echo "$*"; }; fail() { echo "$*" >&2; exit 1; }
serve() {
    case "$*" in
        "ps -q serve-api") echo 1 ;;
        run*) echo "$*" >>checked ;;
        exec*) echo "the run" ;;
    esac
}
start() { echo "RUN_ID=$RUN_ID RUN_IDS=${RUN_IDS:-}" >>started; [ -z "${BROKEN:-}" ]; }
env_file_value() { sed -n "s/^$1=//p" "$env_file"; }
images_in_use() { :; }; use_images() { :; }
. "$1"
"$2" "${@:3}"
"""


@pytest.fixture
def deploying(tmp_path):
    """Runs a function of containers/deploy.sh with stand-ins for Compose; returns the env file's values after it."""
    (tmp_path / "memory").mkdir()
    (tmp_path / "env").write_text("TABLES=churn,rides,iris\nRUN_ID=one\nRUN_IDS=rides=two,iris=three\n")

    def run(*command: str, **given: str) -> dict[str, str]:
        subprocess.run(
            ["bash", "-c", DEPLOY, "-", str(PROJECT / "containers/deploy.sh"), *command],
            cwd=tmp_path,
            env={**os.environ, **given},
            check="BROKEN" not in given,
            capture_output=True,
        )
        return dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())

    return run


def test_a_run_of_a_further_table_is_deployed_beside_the_others_and_rolled_back(deploying, tmp_path):
    found = deploying("deploy", "four", "rides", RUN_ID="four")
    assert (found["RUN_ID"], found["RUN_IDS"]) == ("one", "iris=three,rides=four")
    assert "-e RUN_ID=one -e RUN_IDS=iris=three,rides=four" in (tmp_path / "checked").read_text()
    assert (tmp_path / "started").read_text().splitlines() == ["RUN_ID=one RUN_IDS=iris=three,rides=four"] * 3
    assert deploying("undo_deploy", "rides")["RUN_IDS"] == "iris=three,rides=two"
    assert deploying("deploy", "", "iris")["RUN_IDS"] == "rides=two"
    assert deploying("deploy", "five", RUN_ID="five")["RUN_ID"] == "five"
    assert deploying("undo_deploy")["RUN_ID"] == "one"


def test_a_run_that_does_not_become_healthy_leaves_the_pins_as_they_were(deploying):
    found = deploying("deploy", "four", "rides", BROKEN="1", RUN_ID="four")
    assert (found["RUN_ID"], found["RUN_IDS"]) == ("one", "iris=three,rides=two")


def test_a_report_that_is_asked_for_is_made_in_the_worker_with_a_copy_of_the_file(stack, tmp_path):
    file = tmp_path / "rows of may.csv"
    file.write_text("a,b\n1,2\n")
    assert stack("report").returncode == 0
    assert "report/report" in (tmp_path / "prefect").read_text().split(), "the deployment makes the usual one"
    done = stack("report", "--", "--file", str(file), "--windows", "2")
    assert (done.returncode, "windows= cuts predictions by time" in done.stderr) == (1, True), "the module was called"
    assert (tmp_path / "state" / "report-files" / file.name).read_text() == file.read_text()
    done = stack("report", "--", "--file", str(tmp_path / "none.csv"))
    assert (done.returncode, "there is no such file" in done.stdout + done.stderr) == (1, True)
