"""The smallest table that ships, as scikit-learn has it: 150 rows train to a champion with drift and a report."""

from __future__ import annotations

import sys

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sklearn.datasets import load_iris

from embedded.layout import PROJECT
from embedded.services.service import Service, free_port
from reporting.flow import make_report
from reporting.table_reports import ReportedTable
from tabular.model.bundle import REFERENCE_SCORE, Bundle, read_bundle
from tabular.quality.drift import Drift, compare
from tabular.wiring import Wiring
from tests.journeys.monitoring.test_monitor import get, save, wait_for
from tests.journeys.training.trainer import Trainer, make_trainer, parent_of

CONTRACT = PROJECT / "contracts" / "iris.toml"
DATABASE = "iris_journey"
WINDOW = 300


@pytest.fixture(scope="module")
def trainer(ministack, mlflow_server, prefect_server, store, settings, layout, tmp_path_factory) -> Trainer:
    return make_trainer("iris", CONTRACT, 6, tmp_path_factory.mktemp("iris"), settings, layout)


@pytest.fixture(scope="module")
def told(trainer) -> dict[str, str]:
    """What the training of iris printed."""
    iris = load_iris(as_frame=True)
    table = iris.data.assign(species=iris.target_names[iris.target])
    trainer.publish(table.to_csv(index=False).encode())
    return trainer.train()


@pytest.fixture(scope="module")
def champion(trainer, told, tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("champion")
    trainer.registry.fetch_bundle(told["RUN_ID"], folder)
    return read_bundle(folder)


def test_iris_trains_to_a_champion_that_drift_can_be_measured_of(trainer, told, champion):
    assert told["gate"] == "passed", told
    assert trainer.registry.champion() == told["RUN_ID"]
    assert "2 times 5 folds" in told["cv"]
    found = trainer.mlflow.get_run(parent_of(trainer, told)).data.metrics
    assert found["cv_roc_auc"] > 0.97
    reference = champion.reference()
    assert (len(reference), int(reference[REFERENCE_SCORE].notna().sum())) == (150, 60)
    assert isinstance(compare(reference, reference.sample(300, replace=True, random_state=0), trainer.contract), Drift)


@pytest.fixture(scope="module")
def predictions(store, settings):
    return Wiring(msgspec.structs.replace(settings, mongo_database=DATABASE)).predictions()


def drawn(champion: Bundle, seed: int):
    """So many flowers as they were, from those that the model was not fitted on."""
    reference = champion.reference()
    unfitted = reference[reference[REFERENCE_SCORE].notna()]
    return unfitted.sample(WINDOW, replace=True, random_state=seed)


def test_the_monitor_sees_no_drift_in_the_same_flowers_and_drift_in_larger_ones(
    trainer, told, champion, predictions, settings, tmp_path
):
    port, run_id = free_port(), told["RUN_ID"]
    save(predictions, champion, drawn(champion, 0), "same", run_id)
    changes = {
        "MONITOR_PORT": str(port),
        "MONITOR_INTERVAL_SECONDS": "0.5",
        "MONITOR_WINDOW_ROWS": str(WINDOW),
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DATABASE": DATABASE,
        "STATE_DIR": str(tmp_path),
    }
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "monitoring.exporter")

    def gauges() -> dict[str, float]:
        families = text_string_to_metric_families(get(f"{url}/metrics"))
        samples = [sample for family in families for sample in family.samples]
        return {one.name: one.value for one in samples if one.labels == {"table": "iris", "run_id": run_id}}

    with Service("monitor", command, port, f"{url}/health", trainer.environ | changes).running(tmp_path / "log"):
        found = wait_for(lambda: (seen := gauges()).get("monitor_drift_known") == 1 and seen, "a first comparison")
        assert (found["monitor_dataset_drift"], found["monitor_prediction_drift"]) == (0, 0)
        assert (found["monitor_window_rows"], found["monitor_reference_rows"]) == (WINDOW, 150)
        larger = drawn(champion, 1)
        larger[list(champion.contract.feature_names)] *= 1.3
        save(predictions, champion, larger, "larger", run_id)
        wait_for(lambda: gauges()["monitor_dataset_drift"] == 1, "drift")


def test_a_report_is_published_with_the_reference_beside_it(trainer, told, champion, settings, store, tmp_path):
    database, tracking = f"{DATABASE}_report", trainer.environ["MLFLOW_TRACKING_URI"]
    changed = msgspec.structs.replace(
        settings,
        mongo_database=database,
        mlflow_tracking_uri=tracking,
        model_name=trainer.environ["MODEL_NAME"],
        reports_dir=tmp_path / "reports",
        state_dir=tmp_path,
    )
    wiring, table = Wiring(changed), champion.contract.table
    predictions = wiring.predictions()
    save(predictions, champion, drawn(champion, 0), "reported", told["RUN_ID"])
    assert "No drift" in make_report(predictions, [ReportedTable(table.name, table.title, wiring.bundles())], changed)
    row = predictions.reports(1)[0]
    assert (row["run_id"], row["has_drift"], row["rows"]) == (told["RUN_ID"], False, WINDOW)
    page = (changed.reports_dir / row["file"]).read_text()
    assert "150" in page
    assert row["file"] in (changed.reports_dir / "reports.html").read_text()
