"""Every deployment says by its tags what kind of run it makes, by which Prefect's pages are filtered."""

from __future__ import annotations

import yaml

from embedded.layout import PROJECT

KINDS = {
    "train": "training",
    "react": "reaction",
    "harvest": "harvest",
    "retention": "retention",
    "report": "reporting",
    "score": "scoring",
}


def test_each_deployment_is_of_the_project_and_of_its_kind():
    files = [PROJECT / folder / "prefect.yaml" for folder in ("model_orchestration", "reporting", "server/files")]
    found = {one["name"]: one["tags"] for file in files for one in yaml.safe_load(file.read_text())["deployments"]}
    assert found == {name: ["churn", kind] for name, kind in KINDS.items()}


def test_the_training_of_a_further_table_has_the_name_of_the_table_too():
    script = (PROJECT / "model_orchestration" / "deployments" / "deploy-table.sh").read_text()
    assert '--tag churn --tag training --tag "$table"' in script
