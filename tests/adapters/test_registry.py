"""The registry over a real MLflow server: bundles by run id, aliases, and a server that is not there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking.client import MlflowClient

from embedded.services.service import free_port
from model_orchestration.evaluation.by_slice.records import slice_metrics
from tabular.adapters.mlflow.registry import MlflowRegistry
from tabular.encoding.row import matrix
from tabular.errors import NotFound, Unavailable
from tabular.model.bundle_cache import BundleCache
from tabular.model.bundle_files import FileLimits
from tabular.model.pyfunc import describe
from tabular.ports.registry import BUNDLE, CHALLENGER, CHAMPION, Dataset
from tabular.quality.slices import Slice


@pytest.fixture
def trial(registry, bundle, tmp_path_factory):
    """A trial's run with a bundle, under a parent."""
    parent = registry.start_run("sweep", {"seed": 42})
    run_id = registry.start_run("trial 000", {"trial": 0}, parent)
    described = shutil.copytree(bundle.folder, tmp_path_factory.mktemp("trial") / "bundle")
    describe(described, bundle.contract)
    registry.put_folder(run_id, described, BUNDLE)
    registry.log(run_id, params={"max_depth": 3}, metrics={"validation_loss": 0.3}, tags={"note": "x" * 9_000})
    registry.finish(run_id)
    return run_id


def test_a_run_keeps_what_was_written(registry, trial):
    run = registry.run(trial)
    assert run.params == {"max_depth": "3"}
    assert run.metrics == {"validation_loss": 0.3}
    assert registry.run(run.parent_id).tags["seed"] == "42"
    assert run.url.endswith(f"/runs/{trial}?workflowType=machine_learning")


def test_mlflow_shows_the_runs_as_machine_learning_and_says_what_the_models_are(registry, trial, mlflow_server, layout):
    client = MlflowClient(f"http://127.0.0.1:{layout.ports.mlflow}")
    found = client.get_experiment(client.get_run(trial).info.experiment_id)
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"
    version = registry.register(trial, None, {}, "the best of 50 trials")
    assert registry.register(trial, CHALLENGER, {}) == version
    assert client.get_model_version(found.name, version).description == "the best of 50 trials"
    assert "The alias champion stands on the one that serves" in client.get_registered_model(found.name).description


def test_an_experiment_of_an_earlier_version_is_marked_too(mlflow_server, layout):
    uri = f"http://127.0.0.1:{layout.ports.mlflow}"
    client = MlflowClient(uri)
    known_as = client.create_experiment("made-before")
    MlflowRegistry(uri, "made-before").start_run("sweep", {})
    assert client.get_experiment(known_as).tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_metrics_of_any_slice_come_back_by_their_names(registry):
    values = ["$60K - $80K", "(missing)", "a/b", "..", " x", "Ünï", "100 %", "y" * 300]
    metrics = slice_metrics(
        "regression", [Slice("a b", one, 50, {"rmse": 1.0}, {"rmse": (0.5, 2.0)}) for one in values]
    )
    run_id = registry.start_run("sliced", {})
    registry.log(run_id, metrics=metrics)
    assert registry.run(run_id).metrics == metrics
    assert len(metrics) == 4 * len(values)


def test_the_run_id_alone_finds_the_bundle(registry, trial, bundle, tmp_path):
    loaded = BundleCache(registry, tmp_path, "churn").load(trial)
    assert loaded.digest == bundle.digest


def test_mlflows_own_tools_load_the_bundle_and_score_alike(registry, trial, bundle, settings):
    import mlflow

    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    model = mlflow.pyfunc.load_model(f"runs:/{trial}/{BUNDLE}")
    records = [golden.record for golden in bundle.golden]
    expected = np.array([golden.scores[0] for golden in bundle.golden], dtype=np.float32)
    np.testing.assert_array_equal(model.predict(pd.DataFrame(records)), expected)


def test_the_model_has_a_signature_and_an_input_example_that_it_scores(registry, trial, bundle, settings):
    import mlflow

    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    model = mlflow.pyfunc.load_model(f"runs:/{trial}/{BUNDLE}")
    names = list(bundle.contract.feature_names)
    assert model.metadata.get_input_schema().input_names() == names
    (output,) = model.metadata.get_output_schema().inputs
    assert (output.type, output.shape) == (np.dtype("float32"), (-1,))
    example = model.input_example
    assert list(example.columns) == names
    expected = bundle.predict(matrix([bundle.codec.parse(bundle.contract.example)]))
    np.testing.assert_array_equal(model.predict(example), expected)
    with pytest.raises(mlflow.exceptions.MlflowException, match=names[0]):
        model.predict(example.drop(columns=names[0]))


def test_mlflows_own_tools_load_the_champion_by_its_alias(registry, trial, bundle, settings):
    import mlflow

    registry.register(trial, CHAMPION, {})
    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{registry._model_name}@{CHAMPION}")
    golden = bundle.golden[0]
    assert tuple(map(float, model.predict(pd.DataFrame([golden.record])))) == golden.scores


def test_without_a_champion_that_is_said(registry):
    with pytest.raises(NotFound, match="champion"):
        registry.champion()


def test_aliases_move_and_a_run_is_registered_once(registry, trial):
    first = registry.register(trial, CHALLENGER, {"gate": "refused"})
    assert registry.alias(CHALLENGER) == trial
    assert registry.register(trial, CHAMPION, {"gate": "passed"}) == first
    registry.drop_alias(CHALLENGER, trial)
    assert registry.champion() == trial
    with pytest.raises(NotFound):
        registry.alias(CHALLENGER)
    other = registry.start_run("another", {})
    registry.drop_alias(CHAMPION, other)
    assert registry.register(trial, None, {"promoted_by": "engineer ann"}) == first
    assert registry.champion() == trial
    assert registry.version_tags(trial) == {"gate": "passed", "promoted_by": "engineer ann"}


def test_a_training_notes_its_end_and_a_promotion_does_not(registry, trial):
    with pytest.raises(NotFound):
        registry.trained_at()
    before = int(time.time())
    registry.register(trial, CHAMPION, {})
    with pytest.raises(NotFound):
        registry.trained_at()
    for _ in range(2):
        registry.note_trained()
        assert before <= registry.trained_at() <= time.time()


def test_an_unknown_run_is_not_found(registry, tmp_path):
    run_id = "0" * 32
    with pytest.raises(NotFound):
        registry.run(run_id)
    with pytest.raises(NotFound):
        registry.fetch_bundle(run_id, tmp_path)


def test_a_run_without_a_bundle_says_what_to_choose(registry, tmp_path):
    parent = registry.start_run("sweep", {})
    with pytest.raises(NotFound, match="choose a trial"):
        registry.fetch_bundle(parent, tmp_path)


def test_a_deleted_run_is_not_found(registry, trial, settings):
    from mlflow import MlflowClient

    MlflowClient(settings.mlflow_tracking_uri).delete_run(trial)
    with pytest.raises(NotFound, match="deleted"):
        registry.run(trial)


@pytest.mark.timeout(60)  # as shipped, one call takes four minutes
def test_a_server_that_is_down_is_unavailable_within_seconds(tmp_path):
    registry = MlflowRegistry(f"http://127.0.0.1:{free_port()}", "churn")
    for call in (registry.champion, lambda: registry.fetch_bundle("0" * 32, tmp_path)):
        with pytest.raises(Unavailable, match=r"MLflow.*refused"):
            call()


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, tabular.adapters.mlflow.registry; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_of_the_files_under_a_path_those_that_are_named_are_fetched(registry, tmp_path):
    run_id = registry.start_run("sweep", {})
    (tmp_path / "put").mkdir()
    for name in ("trials.json", "gate.json"):
        (tmp_path / "put" / name).write_text(name)
    registry.put_folder(run_id, tmp_path / "put", "report")
    (tmp_path / "got").mkdir()
    registry.fetch(
        run_id, "report", FileLimits({"trials.json": 20, "other.json": 20}, total_bytes=20), tmp_path / "got"
    )
    assert {path.name: path.read_text() for path in (tmp_path / "got").iterdir()} == {"trials.json": "trials.json"}


def test_a_run_names_the_dataset_that_it_was_trained_on(registry, trial, settings):
    registry.log_dataset(trial, Dataset("tiny", "ab" * 32, "s3://bucket/tables/tiny/versions/x/original"))
    (found,) = MlflowClient(settings.mlflow_tracking_uri).get_run(trial).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest, found.dataset.source_type) == ("tiny", "ab" * 18, "s3")
    assert json.loads(found.dataset.source) == {"uri": "s3://bucket/tables/tiny/versions/x/original"}
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]
