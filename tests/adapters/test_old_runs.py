"""Old runs over a real MLflow server: found by when they ended, and deleted so that they are found no more."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from embedded.layout import program
from tabular.errors import NotFound
from tabular.ports.retention import OldRun
from tabular.wiring import Wiring


@pytest.fixture
def wiring(mlflow_server, settings, contract, request):
    name = f"old-{request.node.name}"[:60]
    return Wiring(msgspec.structs.replace(settings, model_name=name), contract)


def test_runs_that_ended_are_found_with_their_sweep_and_deleted(wiring):
    registry, runs = wiring.registry(), wiring.old_runs()
    sweep = registry.start_run("sweep", {})
    trial = registry.start_run("trial", {}, parent_id=sweep)
    running = registry.start_run("running", {})
    for run_id in (trial, sweep):
        registry.finish(run_id)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert runs.ended_before(soon) == [OldRun(sweep, None), OldRun(trial, sweep)]
    assert runs.ended_before(soon - timedelta(days=1)) == []
    runs.delete_run(trial)
    assert runs.ended_before(soon) == [OldRun(sweep, None)]
    with pytest.raises(NotFound):
        registry.run(trial)
    assert registry.run(running).id == running


def test_the_files_of_a_deleted_run_stay_until_mlflow_gc(wiring, layout, tmp_path):
    registry, runs = wiring.registry(), wiring.old_runs()
    deleted, kept = (registry.start_run(f"trial {at}", {}) for at in range(2))
    (tmp_path / "model.txt").write_text("x")
    for run_id in (deleted, kept):
        registry.put_folder(run_id, tmp_path, "bundle")
        registry.finish(run_id)
    runs.delete_run(deleted)

    def files() -> set[str]:
        return {path.parts[-4] for path in (layout.state / "mlflow" / "artifacts").rglob("bundle/model.txt")}

    assert {deleted, kept} <= files()
    store, server = f"sqlite:///{layout.state}/mlflow/mlflow.db", wiring.settings.mlflow_tracking_uri
    command = [*program("mlflow"), "gc", "--backend-store-uri", store, "--tracking-uri", server, "--run-ids", deleted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert deleted not in files()
    assert kept in files()


def test_the_runs_of_model_versions_are_known(wiring):
    registry, runs = wiring.registry(), wiring.old_runs()
    assert runs.registered() == set()
    made = [registry.start_run(f"trial {at}", {}) for at in range(2)]
    registry.register(made[0], None, {})
    assert runs.registered() == {made[0]}
