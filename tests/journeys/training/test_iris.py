"""The smallest table that ships, as scikit-learn has it: 150 rows train to a champion with a reference for drift."""

from __future__ import annotations

import pytest
from sklearn.datasets import load_iris

from embedded.layout import PROJECT
from tabular.model.bundle import read_bundle
from tabular.quality.drift import Drift, compare
from tests.journeys.training.trainer import Trainer, make_trainer, parent_of

CONTRACT = PROJECT / "contracts" / "iris.toml"


@pytest.fixture(scope="module")
def trainer(ministack, mlflow_server, prefect_server, settings, layout, tmp_path_factory) -> Trainer:
    return make_trainer("iris", CONTRACT, 6, tmp_path_factory.mktemp("iris"), settings, layout)


def iris_csv() -> bytes:
    iris = load_iris(as_frame=True)
    return iris.data.assign(species=iris.target_names[iris.target]).to_csv(index=False).encode()


def test_iris_trains_to_a_champion_that_drift_can_be_measured_of(trainer, tmp_path):
    trainer.publish(iris_csv())
    told = trainer.train()
    assert told["gate"] == "passed", told
    assert trainer.registry.champion() == told["RUN_ID"]
    assert "2 times 5 folds" in told["cv"]
    found = trainer.mlflow.get_run(parent_of(trainer, told)).data.metrics
    assert found["cv_roc_auc"] > 0.97
    trainer.registry.fetch_bundle(told["RUN_ID"], tmp_path)
    reference = read_bundle(tmp_path).reference()
    assert len(reference) == 150
    assert isinstance(compare(reference, reference.sample(300, replace=True, random_state=0), trainer.contract), Drift)
