"""A run says which commit and which version of the table it comes from."""

from __future__ import annotations

import subprocess

import msgspec

from model_orchestration.evaluation.champion_comparison import read_params
from model_orchestration.job import Job
from model_orchestration.search.run_lineage import GIT_COMMIT, data_params, dataset_of, git_revision, job_tags
from tabular.ports.registry import Dataset


class Bucket:
    def url(self, key):
        return f"s3://bucket/{key}"


def job_of(contract):
    text = msgspec.json.encode(contract).decode()
    return Job(contract=text, data_sha256="ab" * 32, seed=1, trials=2, time_budget_seconds=0, code="c")


def test_the_revision_is_that_of_the_clone_and_none_where_there_is_no_clone(tmp_path):
    assert git_revision(tmp_path) is None
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    git_revision.cache_clear()
    found = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert git_revision(tmp_path) == found.stdout.strip()
    assert len(git_revision(tmp_path)) == 40


def test_the_tags_of_a_run_name_the_commit_where_there_is_one(contract):
    assert job_tags(job_of(contract)).get(GIT_COMMIT) == git_revision()


def test_the_data_are_a_dataset_and_parameters(contract):
    dataset = dataset_of(Bucket(), job_of(contract))
    url = f"s3://bucket/tables/{contract.table.name}/versions/{'ab' * 32}/original"
    assert data_params(dataset) == {"data_url": url, "data_version": "ab" * 32}


def test_a_champion_s_settings_are_read_from_its_run_without_its_data():
    kept = {"family": "xgboost", "max_depth": "3", "learning_rate": "0.1"}
    about_data = data_params(Dataset("iris", "ab12", "s3://bucket/iris/ab12"))
    assert read_params(kept | about_data) == {"family": "xgboost", "max_depth": 3, "learning_rate": 0.1}
