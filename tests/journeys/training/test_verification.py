"""`make verify-model` over real S3 and MLflow: what is as it was passes, and each planted change is found and named."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from model_orchestration import steps
from model_orchestration.job import Job, Tools, make_job, make_tools
from model_orchestration.measurement.__main__ import main
from model_orchestration.measurement.verification import differences
from model_orchestration.outcome import Sweep
from model_orchestration.retrain import READ_LIMITS
from tabular.data import feature_store
from tabular.data.synthetic import make_table
from tabular.model.bundle_files import BUNDLE_LIMITS
from tabular.ports.registry import BUNDLE
from tabular.wiring import Wiring


@dataclass
class Trained:
    """A finished sweep with its evaluation, and where it is."""

    wiring: Wiring
    tools: Tools
    job: Job
    swept: Sweep


@pytest.fixture(scope="module")
def train(ministack, mlflow_server, settings):
    """Trains a few trials of a contract on synthetic rows, with a bucket and a model of this name."""

    def run(name: str, contract: str, rows: int) -> Trained:
        own = {"s3_bucket": name, "model_name": name, "contract": PROJECT / "contracts" / f"{contract}.toml"}
        wiring = Wiring(msgspec.structs.replace(settings, trials=3, **own))
        wiring.objects().ensure_bucket()
        feature_store.publish(wiring.objects(), wiring.contract, make_table(wiring.contract, rows, seed=1), "test")
        job, tools = make_job(wiring), make_tools(wiring)
        swept = steps.sweep_step(tools, job, {})
        steps.evaluate_step(tools, job, swept)
        return Trained(wiring, tools, job, swept)

    return run


@pytest.fixture(scope="module")
def once(train):
    return train("verified", "telecom_churn", 1_500)


@pytest.fixture
def trained(once, tmp_path_factory):
    """The one training, put back as it was after each test."""
    registry, swept, objects = once.tools.registry, once.swept, once.tools.objects
    kept = {place: tmp_path_factory.mktemp("kept") for place in ("bundle", "report")}
    registry.fetch_bundle(swept.best.run_id, kept["bundle"])
    registry.fetch(swept.parent_id, "report", READ_LIMITS, kept["report"])
    metrics, bytes_key = registry.run(swept.best.run_id).metrics, original_of(once)
    body = objects.get(bytes_key)
    yield once
    registry.put_folder(swept.best.run_id, kept["bundle"], BUNDLE)
    registry.put_folder(swept.parent_id, kept["report"], "report")
    registry.log(swept.best.run_id, metrics={"test_roc_auc": metrics["test_roc_auc"]})
    objects.put(bytes_key, body)


def original_of(trained: Trained) -> str:
    """The key of the bytes that it was trained on."""
    return f"{feature_store.version_prefix(trained.wiring.contract, trained.job.data_sha256)}original"


def verified(trained: Trained, capsys, run_id: str = "") -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["--run-id", run_id or trained.swept.best.run_id], trained.wiring)
    return code, *capsys.readouterr()


def test_a_run_is_what_it_was_and_so_are_its_sweep_and_its_other_trials(trained, capsys):
    code, said, _ = verified(trained, capsys)
    assert code == 0, said
    assert "golden    25 records score as when the model was made" in said
    assert "accepted  no version yet" in said
    figures = int(said.partition("figures   ")[2].partition(" ")[0])
    assert figures > 100, "test metrics with their intervals, the slices, the validation"
    assert verified(trained, capsys, trained.swept.parent_id)[1] == said
    other = next(one.run_id for one in trained.swept.trials if one.run_id != trained.swept.best.run_id)
    code, said, _ = verified(trained, capsys, other)
    assert code == 0, said
    assert 0 < int(said.partition("figures   ")[2].partition(" ")[0]) < figures, "it was never on the test rows"


def test_a_small_table_of_several_classes_is_verified_by_cross_validation_too(train, capsys):
    trained = train("verified-iris", "iris", 150)
    code, said, _ = verified(trained, capsys)
    assert code == 0, said


def test_the_champion_is_verified_where_no_run_is_named(trained, capsys):
    assert main([], trained.wiring) == 1, "there is none yet"
    trained.tools.registry.register(trained.swept.best.run_id, "champion", {})
    capsys.readouterr()
    assert main([], trained.wiring) == 0
    assert trained.swept.best.run_id in capsys.readouterr().out


def test_the_workflow_verifies_the_model_that_an_env_file_names(trained, tmp_path):
    settings = trained.wiring.settings
    pinned = {"CONTRACT": settings.contract, "TABLES": "", "MODEL_NAME": settings.model_name, "RUN_IDS": ""}
    environ = {"MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri, "AWS_ENDPOINT_URL": settings.aws_endpoint_url}
    environ |= {**os.environ, **environ, "S3_BUCKET": settings.s3_bucket}
    for run_id, code in ((trained.swept.trials[0].run_id, 0), ("0" * 32, 1)):
        lines = "".join(f"{key}={value}\n" for key, value in (pinned | {"RUN_ID": run_id}).items())
        (tmp_path / "env").write_text(lines)
        line = ["sh", "deploy/verify-model.sh", str(tmp_path / "env")]
        done = subprocess.run(line, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, f"run       {run_id}" in done.stdout) == (code, code == 0), done.stderr


def test_a_figure_of_the_run_or_of_its_report_that_was_changed_is_named(trained, capsys, tmp_path):
    registry, swept = trained.tools.registry, trained.swept
    was = registry.run(swept.best.run_id).metrics["test_roc_auc"]
    registry.log(swept.best.run_id, metrics={"test_roc_auc": was + 1e-6})
    registry.fetch(swept.parent_id, "report", READ_LIMITS, tmp_path)
    evaluation = json.loads((tmp_path / "evaluation.json").read_bytes())
    evaluation["slices"][0]["n"] += 1
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation))
    registry.put_folder(swept.parent_id, tmp_path, "report")
    code, said, _ = verified(trained, capsys)
    assert code == 4
    assert "2 are NOT the same" in said
    assert f"differs   run test_roc_auc: was {was + 1e-6}, is {was}" in said
    first = evaluation["slices"][0]
    assert f"differs   slices {first['feature']}={first['value']} n: was {first['n']}, is {first['n'] - 1}" in said


def test_another_model_under_the_same_run_is_found_by_its_figures(trained, capsys, tmp_path):
    """A whole bundle, golden records included, of the second trial in the place of the best."""
    registry, swept = trained.tools.registry, trained.swept
    other = max(swept.trials, key=lambda trial: trial.loss)
    registry.fetch_bundle(other.run_id, tmp_path)
    registry.put_folder(swept.best.run_id, tmp_path, BUNDLE)
    code, said, _ = verified(trained, capsys)
    assert code == 4
    assert "differs   intervals" in said


def test_golden_records_that_score_otherwise_are_told(trained, capsys, tmp_path):
    registry, run_id = trained.tools.registry, trained.swept.best.run_id
    registry.fetch(run_id, BUNDLE, BUNDLE_LIMITS, tmp_path)
    golden = json.loads((tmp_path / "golden.json").read_bytes())
    golden[3]["scores"][0] += 1e-7
    forged(tmp_path, "golden.json", json.dumps(golden).encode())
    registry.put_folder(run_id, tmp_path, BUNDLE)
    code, _, said = verified(trained, capsys)
    assert code == 1
    assert "golden record 3 scores" in said


def forged(folder: Path, name: str, body: bytes) -> None:
    """Change a file of a bundle so that its manifest still agrees."""
    (folder / name).write_bytes(body)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256(body).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_bytes_that_were_changed_in_the_store_are_told(trained, capsys):
    objects, key = trained.tools.objects, original_of(trained)
    objects.put(key, objects.get(key)[:-20] + b"\n")
    code, _, said = verified(trained, capsys)
    assert code == 1
    assert "was changed in the store" in said


def test_the_accepted_version_is_checked_too(trained, capsys):
    objects, contract = trained.tools.objects, trained.wiring.contract
    feature_store.mark_accepted(objects, contract, trained.job.data_sha256)
    assert "accepted  that very version" in verified(trained, capsys)[1]
    other = feature_store.publish(objects, contract, make_table(contract, 1_600, seed=2), "test").sha256
    feature_store.mark_accepted(objects, contract, other)
    assert f"accepted  version {other[:12]}" in verified(trained, capsys)[1]


def test_a_service_that_is_down_is_no_fault_of_the_model(trained, capsys):
    settings = msgspec.structs.replace(trained.wiring.settings, mlflow_tracking_uri=f"http://127.0.0.1:{free_port()}")
    assert main(["--run-id", trained.swept.best.run_id], Wiring(settings)) == 3


def test_the_last_digits_of_a_sum_are_no_difference_and_a_missing_figure_is_one():
    assert list(differences({"auc": 0.8, "rows": 3}, {"auc": 0.8 * (1 + 1e-12), "rows": 3})) == []
    assert list(differences({"auc": 0.8}, {"auc": 0.8000001})) == ["auc: was 0.8, is 0.8000001"]
    assert list(differences({"auc": None}, {"auc": 0.8})) == ["auc: was None, is 0.8"]
