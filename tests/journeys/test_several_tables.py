"""Two tables in one embedded stack (`make run TABLES=…`): served, monitored, reported on, pinned, switched."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking.client import MlflowClient
from prometheus_client.parser import text_string_to_metric_families

from embedded.environment import remembered
from embedded.layout import PROJECT, Layout
from embedded.supervision.supervisor import Supervisor
from tabular.contract.loading import load_contract
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.journeys.conftest import Loop
from tests.journeys.waiting import eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
FIRST, FURTHER = "telecom_churn", "iris"
TABLES = f"{FIRST},{FURTHER}"
PATHS = {FIRST: "/predict", FURTHER: f"/tables/{FURTHER}/predict"}
QUICK = {"TRIALS": "2", "SIMULATOR_RATE_PER_SECOND": "5", "MONITOR_MIN_ROWS": "100", "REPORT_MIN_ROWS": "100"}


@pytest.fixture(scope="module")
def two(start_loop: Callable[..., Any]) -> Iterator[Loop]:
    with start_loop(TABLES, **QUICK) as loop:
        yield loop


@pytest.fixture(scope="module")
def wirings(two: Loop) -> dict[str, Wiring]:
    """The adapters of each table over the stack's own servers."""
    local = "127.0.0.1"
    settings = Settings(
        tables=TABLES,
        mlflow_tracking_uri=f"http://{local}:{two.ports.mlflow}",
        mongo_uri=f"mongodb://{local}:{two.ports.store}",
        aws_endpoint_url=f"http://{local}:{two.ports.emulator}",
    )
    return {wiring.contract.table.name: wiring for wiring in Wiring(settings).for_tables()}


def served(loop: Loop, table: str, path: str = "") -> str:
    """The run that responds to a table's example."""
    example = load_contract(PROJECT / "contracts" / f"{table}.toml").example
    status, response = loop.predict(example, path or PATHS[table])
    assert status == 200, response
    return str(response["model_run_id"])


def gauge(loop: Loop, name: str, **labels: str) -> list[float]:
    """The monitor's samples of this name with these labels among others."""
    families = text_string_to_metric_families(loop.get(loop.ports.monitor, "/metrics")[1])
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return [sample.value for sample in samples if labels.items() <= sample.labels.items()]


def test_each_table_is_served_by_its_own_champion(two: Loop, wirings: dict[str, Wiring]) -> None:
    champions = {name: wiring.registry().champion() for name, wiring in wirings.items()}
    assert {name: served(two, name) for name in wirings} == champions
    assert len(set(champions.values())) == 2
    for name, path in PATHS.items():
        assert f"The table {name} is served at {path}" in two.printed


def test_both_endpoints_of_both_tables_come_to_the_store(two: Loop, wirings: dict[str, Wiring]) -> None:
    predictions = wirings[FIRST].predictions()
    for wiring in wirings.values():
        record = json.dumps(wiring.contract.example).encode()
        wiring.stream(wiring.stream_name("predictions")).put([("key", record)])
    wanted = {(name, source) for name in wirings for source in ("api", "stream")}
    assert eventually(lambda: wanted <= predictions.count_by_source().keys())
    for name, wiring in wirings.items():
        runs = {one.run_id for one in predictions.latest(500, table=name)}
        assert runs == {wiring.registry().champion()}


def test_each_table_has_gauges_of_its_own(two: Loop) -> None:
    for table in (FIRST, FURTHER):
        assert eventually(lambda table=table: gauge(two, "monitor_drift_known", table=table) == [1.0]), table
        assert gauge(two, "monitor_runs", table=table) == [1.0]
        assert len(gauge(two, "monitor_last_training_timestamp_seconds", table=table)) == 1
    features = {
        sample.labels["feature"]: sample.labels["table"]
        for family in text_string_to_metric_families(two.get(two.ports.monitor, "/metrics")[1])
        for sample in family.samples
        if sample.name == "monitor_feature_drifted"
    }
    contracts = {name: load_contract(PROJECT / "contracts" / f"{name}.toml") for name in (FIRST, FURTHER)}
    assert {features[name] for name in contracts[FURTHER].feature_names} == {FURTHER}
    assert set(features.values()) == {FIRST, FURTHER}


def test_each_table_has_a_report_of_its_own_in_its_part_of_the_index(two: Loop) -> None:
    index = two.get(two.ports.reports, "/reports.html")[1]
    parts = dict(re.findall(r'<h2 id="(\w+)">(.*?)(?=<h2 |</main>)', index, re.DOTALL))
    assert set(parts) == {FIRST, FURTHER}
    for table, part in parts.items():
        pages = re.findall(r'href="(report-[^"]+)"', part)
        assert pages
        assert all(page.startswith(f"report-{table}-") for page in pages)
        status, page = two.get(two.ports.reports, f"/{pages[0]}")
        assert status == 200
        assert load_contract(PROJECT / "contracts" / f"{table}.toml").table.title in page
        assert "more predictions of this period" not in page, "no other run of this table predicted"


def test_each_table_has_a_schedule_of_its_own(two: Loop) -> None:
    assert schedules(two) == {"train", f"train-{FURTHER}", "react", "harvest", "retention", "report", "score"}


def schedules(loop: Loop) -> set[str]:
    return {one["name"] for one in loop.prefect("/deployments/filter", {})}


def test_another_run_is_pinned_for_one_table_and_the_other_is_left_alone(two: Loop, wirings: dict[str, Wiring]) -> None:
    before = served(two, FIRST)
    client = MlflowClient(f"http://127.0.0.1:{two.ports.mlflow}")
    champion = wirings[FURTHER].registry().champion()
    parent = client.get_run(champion).data.tags["mlflow.parentRunId"]
    siblings = client.search_runs(
        [client.get_run(champion).info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    other = next(one.info.run_id for one in siblings if one.info.run_id != champion)
    done = two.command("start-serve", RUN_ID_IRIS=other)
    assert done.returncode == 0, done.stdout
    assert {name: served(two, name) for name in (FIRST, FURTHER)} == {FIRST: before, FURTHER: other}
    assert eventually(lambda: gauge(two, "monitor_run_info", table=FURTHER, run_id=other))
    assert not gauge(two, "monitor_run_info", table=FIRST, run_id=other)


def test_a_command_about_a_table_that_is_not_served_changes_nothing_of_what_is(two: Loop) -> None:
    done = two.command("init-aws", CONTRACT="contracts/taxi_rides.toml")
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    assert f"This stack serves {TABLES}, and goes on training that by schedule" in said
    assert "this command alone is about contracts/taxi_rides.toml" in said
    saved = remembered(two.state)
    assert (saved["TABLES"], saved.get("CONTRACT")) == (TABLES, None)


def consumed(loop: Loop, table: str, outcome: str) -> float:
    """How many records the consumer has processed with this outcome."""
    families = text_string_to_metric_families(loop.get(loop.ports.consumer_metrics, "/metrics")[1])
    samples = [sample for family in families for sample in family.samples]
    wanted = {"table": table, "outcome": outcome}
    return sum(one.value for one in samples if one.name == "consumer_records_total" and one.labels == wanted)


def test_a_start_with_one_of_the_tables_switches_to_it_and_trains_no_other(
    two: Loop, wirings: dict[str, Wiring], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = two.command("start-serve", CONTRACT=f"contracts/{FURTHER}.toml", RUN_IDS="")
    assert done.returncode == 0, done.stdout
    said = " ".join(done.stdout.split())
    assert f"was about {TABLES}; from now on it is about contracts/{FURTHER}.toml" in said
    assert f"train-{FURTHER} was removed: it is the first table now" in said
    assert schedules(two) == {"train", "react", "harvest", "retention", "report", "score"}
    assert served(two, FURTHER, "/predict")
    predictions = wirings[FIRST].predictions()
    sent = predictions.count_by_source()[FIRST, "stream"]
    assert eventually(lambda: consumed(two, FURTHER, "served"))
    assert sent > 100
    assert consumed(two, FURTHER, "dead_letter") < 20, "what the table before it was sent is not read again"
    # In a long folder the supervisor's socket is in the temporary folder of who started it.
    monkeypatch.setattr(tempfile, "tempdir", str(two.outside[1]))
    worker = Supervisor(Layout(two.state)).process("worker")["pid"]
    lines = Path(f"/proc/{worker}/environ").read_text().split("\0")
    environ = dict(line.partition("=")[::2] for line in lines)
    assert (environ["CONTRACT"], environ.get("TABLES", "")) == (f"contracts/{FURTHER}.toml", "")
