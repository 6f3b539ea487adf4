"""The best trial's bundle is written anew with its calibration out of fold, whole, and the others stay as they are."""

from __future__ import annotations

from model_orchestration.search.candidate import bundler
from model_orchestration.search.recalibration import out_of_fold_calibration, recalibrate
from model_orchestration.search.trial_runs import Recorder
from tabular.model.bundle import read_bundle
from tests.adapters.memory.runs import MemoryRuns

SEED = 42


def test_the_bundle_of_the_best_trial_alone_gets_the_calibration_out_of_fold(
    tiny_contract, parts_of, run_sweep, tmp_path
):
    contract = tiny_contract("binary", lambda file: file["features"][0].update(synthetic={"effect": 3}))
    parts, runs = parts_of(contract, rows=1_000), MemoryRuns()
    trials = run_sweep(contract, parts, trials=3, seed=SEED)
    with Recorder(runs, bundler(contract, parts, SEED), "parent", {}) as recorder:
        for trial in trials:
            recorder(trial)
    before = {run_id: dict(files) for run_id, files in runs.files.items()}
    recalibrate(contract, parts, SEED, 2, recorder)
    best = min(recorder.runs, key=lambda run: run.loss)
    assert recorder.best is min(trials, key=lambda trial: trial.loss)
    assert [run_id for run_id, files in runs.files.items() if files != before[run_id]] == [best.run_id]
    changed = [name for name, body in runs.files[best.run_id].items() if body != before[best.run_id][name]]
    assert sorted(changed) == ["bundle/calibration.json", "bundle/manifest.json"]
    for name, body in runs.files[best.run_id].items():
        (tmp_path / name.rpartition("/")[2]).write_bytes(body)
    bundle = read_bundle(tmp_path)
    bundle.verify()
    assert bundle.calibration == out_of_fold_calibration(contract, parts, best.params, SEED, 1)
    assert runs.tags[best.run_id]["calibration"] == bundle.calibration.method
