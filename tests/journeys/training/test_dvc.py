"""A table that DVC tracks, with the real DVC: its lineage is kept, and `dvc repro` trains when something changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from embedded.layout import PROJECT
from model_orchestration.data import version_commands
from tabular.data import feature_store
from tabular.settings import load_settings
from tabular.wiring import Wiring
from tests.journeys.training.trainer import Trainer, make_trainer, parent_of

pytestmark = pytest.mark.timeout(900)

CONTRACT = PROJECT / "contracts" / "iris.toml"
STAGE = f"""
stages:
  train:
    cmd: >-
      {sys.executable} -m model_orchestration.init_aws &&
      {sys.executable} -m model_orchestration.flow train > trained.txt
    deps: [iris.csv, {CONTRACT}]
    outs:
      - trained.txt: {{cache: false}}
"""


@pytest.fixture(scope="module")
def trainer(ministack, mlflow_server, prefect_server, store, settings, layout, tmp_path_factory) -> Trainer:
    return make_trainer("dvc", CONTRACT, 2, tmp_path_factory.mktemp("dvc"), settings, layout)


Run = Callable[..., str]


@pytest.fixture(scope="module")
def repository(trainer, dvc_program, tmp_path_factory) -> tuple[Path, Run]:
    """A git repository with DVC in it, and what runs a program there and returns what it prints."""
    folder = tmp_path_factory.mktemp("repository")
    own = {f"DVC_{name}_DIR": str(folder.with_name(f"dvc-{name}")) for name in ("SITE_CACHE", "GLOBAL_CONFIG")}
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {
        **trainer.environ,
        **own,
        **who,
        "DVC_NO_ANALYTICS": "1",
        "PYTHONPATH": str(PROJECT),
        "DATASET_CSV": str(folder / "iris.csv"),
        "PATH": f"{dvc_program.parent}:{os.environ['PATH']}",
    }

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("git", "init", "-q")
    run("dvc", "init", "-q")
    (folder / "dvc.yaml").write_text(STAGE)
    return folder, run


def iris_csv(rows: int) -> bytes:
    iris = load_iris(as_frame=True)
    return iris.data.assign(species=iris.target_names[iris.target]).head(rows).to_csv(index=False).encode()


def commit(run: Run) -> str:
    run("git", "add", ".")
    run("git", "commit", "-qm", "the table")
    return run("git", "rev-parse", "HEAD").strip()


def test_a_tracked_table_is_published_and_trained_on_with_its_lineage_and_only_when_it_changed(
    trainer, repository, capsys
):
    folder, run = repository
    (folder / "iris.csv").write_bytes(iris_csv(150))
    run("dvc", "add", "-q", "iris.csv")
    revision = commit(run)
    assert "Running stage 'train'" in run("dvc", "repro")

    version = feature_store.latest(trainer.objects, trainer.contract)
    md5 = (folder / "iris.csv.dvc").read_text().partition("md5: ")[2][:32]
    assert (version.dvc.path, version.dvc.md5, version.dvc.revision) == ("iris.csv", md5, revision)
    told = dict(line.split(maxsplit=1) for line in (folder / "trained.txt").read_text().splitlines())
    for known in (told["RUN_ID"], parent_of(trainer, told)):
        tags = trainer.registry.run(known).tags
        assert {name: tags[name] for name in ("dvc_path", "dvc_md5", "dvc_revision")} == {
            "dvc_path": "iris.csv",
            "dvc_md5": md5,
            "dvc_revision": revision,
        }
    wiring = Wiring(load_settings(trainer.environ))
    assert version_commands.main(["list"], wiring) == 0
    assert f"DVC: iris.csv, md5 {md5}, rev {revision}" in capsys.readouterr().out

    assert "Stage 'train' didn't change, skipping" in run("dvc", "repro")
    run("dvc", "get", "--rev", revision, ".", "iris.csv", "-o", "again.csv")
    assert (folder / "again.csv").read_bytes() == feature_store.fetch(trainer.objects, trainer.contract, version.sha256)
