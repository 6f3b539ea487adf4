"""The training flow from its command line, over real S3, MLflow and Prefect: kept steps, rejections, retraining."""

from __future__ import annotations

import base64
import csv
import io
import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL

import pytest

from embedded.layout import PROJECT, executable
from model_orchestration.retrain import READ_LIMITS
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.ports.registry import CHALLENGER
from tabular.promotion.parts import Parts
from tests.journeys.training.trainer import Trainer, make_trainer, parent_of

CONTRACT = PROJECT / "contracts" / "telecom_churn.toml"
TRIALS = 6
ROWS = 2_000


@pytest.fixture(scope="module")
def trainer(ministack, mlflow_server, prefect_server, store, settings, layout, tmp_path_factory) -> Trainer:
    trainer = make_trainer("training", CONTRACT, TRIALS, tmp_path_factory.mktemp("training"), settings, layout)
    trainer.publish(make_table(trainer.contract, ROWS, seed=1))
    return trainer


@pytest.fixture(scope="module")
def first(trainer) -> dict[str, str]:
    """What the first training told."""
    return trainer.train()


def test_a_first_training_makes_a_champion(trainer, first):
    assert first["gate"] == "passed"
    assert trainer.registry.champion() == first["RUN_ID"]
    assert "reused" not in first
    accepted = feature_store.last_accepted(trainer.objects, trainer.contract)
    assert accepted == feature_store.latest(trainer.objects, trainer.contract), "its gate passed"
    entries = trainer.ledger.entries()
    assert [(one.kind, one.who) for one in entries] == [
        ("promoted", "gate"),
        ("registered", "gate"),
        ("trained", "training"),
    ]
    assert {one.run_id for one in entries} == {first["RUN_ID"]}
    assert {one.evidence["data_version"] for one in entries} == {accepted.sha256}


def test_the_runs_and_the_log_name_the_table(trainer, first):
    url = f"{trainer.environ['PREFECT_API_URL']}/flow_runs/filter"
    headers = {"Content-Type": "application/json", **login(trainer)}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=20) as response:
        assert "train telecom_churn" in {run["name"] for run in json.load(response)}
    parent = trainer.mlflow.get_run(parent_of(trainer, first))
    assert parent.info.run_name.startswith(f"telecom_churn {parent.data.tags['data_sha256'][:8]}: sweep of")
    assert first["table"] == "telecom_churn"


def flow_run(trainer, flow_run_id):
    url = f"{trainer.environ['PREFECT_API_URL']}/flow_runs/{flow_run_id}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=login(trainer)), timeout=20) as response:
        return json.load(response)


def open_runs(trainer):
    """The runs in MLflow that are not closed, by the flow run that opened them."""
    experiments = [one.experiment_id for one in trainer.mlflow.search_experiments()]
    found = trainer.mlflow.search_runs(experiments, "attributes.status = 'RUNNING'")
    return {run.info.run_id: run.data.tags["flow_run"] for run in found if "flow_run" in run.data.tags}


def end_left_behind(trainer):
    """What a start of the worker does first, and what it says."""
    line = [sys.executable, "-m", "model_orchestration.interrupted_runs"]
    done = subprocess.run(line, env=trainer.environ, cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_training_that_was_killed_is_ended_by_the_next_start_and_one_that_lives_is_not(trainer, first):
    line = [sys.executable, "-m", "model_orchestration.flow", "train", "--trials", "400", "--seed", "77"]
    killed = subprocess.Popen(line, env=trainer.environ, cwd=PROJECT, stdout=DEVNULL, stderr=DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (runs := open_runs(trainer)):
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        (flow_run_id,) = set(runs.values())
        assert end_left_behind(trainer) == ""
        assert flow_run(trainer, flow_run_id)["state_type"] == "RUNNING", "it lives"
    finally:
        killed.kill()
        killed.wait()
    runs = open_runs(trainer)
    assert f"the flow train ({flow_run_id}) was killed: ended as crashed" in end_left_behind(trainer)
    state = flow_run(trainer, flow_run_id)["state"]
    assert state["type"] == "CRASHED"
    assert "was gone when the next one started" in state["message"]
    assert open_runs(trainer) == {}
    for run_id in runs:
        run = trainer.mlflow.get_run(run_id)
        assert run.info.status == "FAILED"
        assert "was gone when the next one started" in run.data.tags["ended_because"]


def test_every_trial_is_a_run_with_a_bundle_under_one_parent(trainer, first):
    parent = parent_of(trainer, first)
    experiment = trainer.mlflow.get_run(parent).info.experiment_id
    children = trainer.mlflow.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert len(children) == TRIALS
    for child in children:
        assert child.info.status == "FINISHED"
        files = {file.path for file in trainer.mlflow.list_artifacts(child.info.run_id, "bundle")}
        assert {"bundle/model.ubj", "bundle/manifest.json", "bundle/MLmodel"} <= files
        assert {"family", "data_url", "data_version"} <= child.data.params.keys()
        assert len(child.data.params) == 11, "the hyperparameters, the family, and which data"
        assert "validation_roc_auc" in child.data.metrics


def test_the_parent_holds_the_pictures_and_the_papers(trainer, first):
    parent = parent_of(trainer, first)
    listed = {file.path for folder in ("plots", "report") for file in trainer.mlflow.list_artifacts(parent, folder)}
    pictures = ("roc", "precision_recall", "calibration", "confusion_matrix", "importance", "search_history", "slices")
    papers = ("contract", "trials", "slices", "evaluation", "checks", "gate")
    tables = {"report/slices.csv"}
    assert listed == {f"plots/{name}.png" for name in pictures} | {f"report/{name}.json" for name in papers} | tables
    run = trainer.registry.run(parent)
    assert run.tags["data_sha256"] == feature_store.latest(trainer.objects, trainer.contract).sha256
    assert run.tags["contract"] == trainer.contract.digest
    assert {"test_roc_auc", "test_rmse_high", "test_share_off_by_more"} <= run.metrics.keys()
    for feature in trainer.contract.table.slice_features:
        rows = {
            key: n for key, n in run.metrics.items() if key.startswith(f"slice/{feature}/") and key.endswith("/rows")
        }
        largest = max(rows, key=rows.__getitem__).removesuffix("/rows")
        assert len(rows) > 1
        assert 0 < run.metrics[f"{largest}/roc_auc_low"] < run.metrics[f"{largest}/roc_auc_high"] < 1


def test_an_unchanged_training_reuses_every_step_and_says_which_and_where_mlflow_is_now(trainer, first):
    address = trainer.environ["MLFLOW_TRACKING_URI"].replace("127.0.0.1", "localhost")
    again = replace(trainer, environ=trainer.environ | {"MLFLOW_TRACKING_URI": address}).train()
    assert again["page"] == first["page"].replace("127.0.0.1", "localhost") != first["page"]
    assert again["reused"].startswith("check, split, sweep, evaluate, gate")
    assert again["note"] == "there is no other champion to compare with", "true though it is the champion by now"
    assert again["RUN_ID"] == first["RUN_ID"]


def test_another_number_of_trials_reuses_what_does_not_depend_on_it(trainer, first):
    other = trainer.train("--trials", str(TRIALS - 1), "--workers", "1")
    assert other["reused"].startswith("check, split:")


def test_the_kept_results_are_json(trainer, first):
    files = [path for path in Path(trainer.environ["FLOW_CACHE_DIR"]).rglob("*") if path.is_file()]
    assert files
    assert all(json.loads(path.read_bytes())["metadata"]["serializer"]["type"] == "json" for path in files)


@pytest.mark.parametrize("how", [("--workers", "3"), ("--workers", "2", "--engine", "dask")])
def test_a_retraining_by_any_trial_reproduces_to_the_last_bit_and_touches_no_alias(trainer, first, how):
    champion = trainer.registry.champion()
    code, told, printed = trainer.run("retrain", "--like", first["RUN_ID"], *how)
    assert code == 0, printed
    assert "reproduced, every trial and every test metric" in told["like"]
    assert told["RUN_ID"] != first["RUN_ID"]
    assert trainer.registry.champion() == champion


def test_a_sweep_on_shared_rows_is_no_other_sweep_s_result_and_reproduces(trainer, first):
    shared = ("--engine", "dask", "--parallelism", "rows", "--workers")
    told = trainer.train(*shared, "2")
    assert told["reused"].startswith("check, split:")
    assert trainer.registry.run(parent_of(trainer, told)).tags["row_shares"] == "2"
    assert trainer.train(*shared, "2")["reused"].startswith("check, split, sweep")
    code, again, printed = trainer.run("retrain", "--like", told["RUN_ID"], "--workers", "1")
    assert code == 0, printed
    assert "reproduced, every trial and every test metric" in again["like"]


def test_a_retraining_that_differs_says_so(trainer, first, tmp_path):
    """An original whose trials are not what this code makes: another program wrote them."""
    parent = parent_of(trainer, first)
    tags = {name: trainer.registry.run(parent).tags[name] for name in ("data_sha256", "seed", "families")}
    forged = trainer.registry.start_run("forged", tags)
    trainer.registry.fetch(parent, "report", READ_LIMITS, tmp_path)
    trials = json.loads((tmp_path / "trials.json").read_bytes())
    trials[1]["loss"] += 1e-12
    (tmp_path / "trials.json").write_text(json.dumps(trials))
    trainer.registry.put_folder(forged, tmp_path, "report")
    code, told, _ = trainer.run("retrain", "--like", forged)
    assert code == 4
    assert "NOT reproduced, 1 values differ" in told["like"]
    assert told["differs"].startswith("trial 1: loss was")


def test_a_kept_sweep_whose_runs_are_gone_is_swept_again(trainer, first):
    told = trainer.train("--seed", "5")
    trainer.mlflow.delete_run(parent_of(trainer, told))
    again = trainer.train("--seed", "5")
    assert again["reused"].startswith("check, split:")
    assert parent_of(trainer, again) != parent_of(trainer, told)
    assert "test" in again


def test_a_corrupted_table_stops_the_flow_by_row_and_column_and_the_champion_stays(trainer, first):
    champion = trainer.registry.champion()
    good = feature_store.latest(trainer.objects, trainer.contract).sha256
    rows = list(csv.reader(io.StringIO(feature_store.fetch(trainer.objects, trainer.contract, good).decode())))
    column = next(feature.column for feature in trainer.contract.features if feature.is_numeric)
    rows[7][rows[0].index(column)] = "banana"
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    bad = trainer.publish(text.getvalue().encode())
    try:
        code, _, printed = trainer.run("train")
    finally:
        trainer.publish(feature_store.fetch(trainer.objects, trainer.contract, good))
    assert bad != good
    assert code == 1
    assert f"row 7, {column}: holds 'banana'" in printed
    assert "Traceback" not in printed
    assert trainer.registry.champion() == champion


def test_a_leaking_table_is_rejected_with_the_reasons_and_the_champion_stays(trainer, first):
    champion = trainer.registry.champion()
    good = feature_store.latest(trainer.objects, trainer.contract).sha256
    rows = list(csv.reader(io.StringIO(feature_store.fetch(trainer.objects, trainer.contract, good).decode())))
    leaky = next(feature for feature in trainer.contract.features if feature.kind == "number")
    at, target = rows[0].index(leaky.column), rows[0].index(trainer.contract.target.column)
    for number, row in enumerate(rows[1:]):
        row[at] = str(100 + number % 50 + 100 * (row[target] == trainer.contract.target.positive))
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    accepted = feature_store.last_accepted(trainer.objects, trainer.contract)
    told = trainer.train("--data-version", feature_store_only(trainer, text.getvalue().encode(), good))
    assert told["gate"] == "rejected"
    moved = f"{leaky.name}: the distribution of values moved since the last accepted version"
    assert moved in told["warning"]
    for run_id in (told["RUN_ID"], parent_of(trainer, told)):
        assert moved in trainer.registry.run(run_id).tags["data_warnings"]
    assert any(moved in page for page in artifacts(trainer, "data-warnings"))
    assert any(moved in page for page in artifacts(trainer, "training-result"))
    assert feature_store.last_accepted(trainer.objects, trainer.contract) == accepted, "only a passed gate accepts"
    assert f"{leaky.name} alone reaches ROC-AUC" in told["rejection"]
    assert trainer.registry.champion() == champion
    parts = Parts(trainer.registry, trainer.ledger, trainer.contract)
    assert parts.standing_on(CHALLENGER) != told["RUN_ID"]
    assert told["model"].endswith(", registered")
    rejected = trainer.ledger.entries(kinds=("rejected",))[0]
    assert (rejected.run_id, rejected.who) == (told["RUN_ID"], "gate")
    assert f"{leaky.name} alone reaches ROC-AUC" in rejected.why
    assert "no_leaking_feature" in trainer.registry.run(told["RUN_ID"]).tags["gate_reasons"]


def artifacts(trainer: Trainer, key: str) -> list[str]:
    """What Prefect shows under a key."""
    body = json.dumps({"artifacts": {"key": {"any_": [key]}}}).encode()
    headers = {"Content-Type": "application/json", **login(trainer)}
    asked = urllib.request.Request(f"{trainer.environ['PREFECT_API_URL']}/artifacts/filter", body, headers)
    with urllib.request.urlopen(asked, timeout=20) as response:
        return [str(artifact["data"]) for artifact in json.load(response)]


def feature_store_only(trainer: Trainer, body: bytes, current: str) -> str:
    """Publish a version without leaving it the current one."""
    sha256 = trainer.publish(body)
    trainer.publish(feature_store.fetch(trainer.objects, trainer.contract, current))
    return sha256


@pytest.fixture(scope="module")
def work_pool(trainer) -> None:
    url = f"{trainer.environ['PREFECT_API_URL']}/work_pools/"
    body = json.dumps({"name": "churn", "type": "process"}).encode()
    headers = {"Content-Type": "application/json", **login(trainer)}
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20).close()


def login(trainer: Trainer) -> dict[str, str]:
    """What Prefect's own clients send with the login."""
    text = trainer.environ["PREFECT_API_AUTH_STRING"]
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize(("given", "schedule"), [({}, "0 * * * *"), ({"TRAIN_CRON": "7 3 * * *"}, "7 3 * * *")])
def test_the_deployment_takes_its_schedule_from_the_environment_and_its_form_has_the_parameters(
    trainer, work_pool, given, schedule
):
    environ = {name: value for name, value in trainer.environ.items() if name != "TRAIN_CRON"} | given
    line = (
        executable("prefect"),
        "--no-prompt",
        "deploy",
        "--all",
        "--prefect-file",
        "model_orchestration/prefect.yaml",
    )
    done = subprocess.run(line, env=environ, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    url = f"{environ['PREFECT_API_URL']}/deployments/name/train/train"
    with urllib.request.urlopen(urllib.request.Request(url, headers=login(trainer)), timeout=20) as response:
        deployment = json.load(response)
    assert [one["schedule"]["cron"] for one in deployment["schedules"]] == [schedule]
    assert deployment["global_concurrency_limit"]["limit"] == 1
    form = deployment["parameter_openapi_schema"]["properties"]
    sweep = {"trials", "families", "seed", "accept", "time_budget_seconds", "workers", "engine", "parallelism"}
    assert set(form) == sweep | {"table", "contract", "data_version", "refresh", "if_changed"}
