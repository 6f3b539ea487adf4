"""From an alarm to a decision with nobody asking: the monitor, a real Prefect server, its worker, and the ledger."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from embedded.layout import PROJECT, program
from embedded.services.service import stop
from monitoring.alarms.kinds import Alarm
from monitoring.alarms.record import AlarmRecord
from monitoring.alarms.starting import ReactionStarter
from tabular.wiring import Wiring
from tests.journeys.training.trainer import Trainer, make_trainer
from tests.journeys.waiting import eventually

CONTRACT = PROJECT / "contracts" / "telecom_churn.toml"
QUIET, RAISED = Alarm(0.001, None, 7, 0.0), Alarm(1.5, 0.0, 8, 0.0, {"tenure": 2.0})


@pytest.fixture(scope="module")
def trainer(ministack, store, mlflow_server, prefect_server, settings, layout, tmp_path_factory) -> Trainer:
    trainer = make_trainer("alarmed", CONTRACT, 4, tmp_path_factory.mktemp("alarmed"), settings, layout)
    trainer.environ |= {
        "MONGO_DATABASE": f"test_{uuid.uuid4().hex}",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "REACT_CRON": "0 0 1 1 *",  # the schedule is not what starts it here
    }
    return trainer


@pytest.fixture(scope="module")
def wiring(trainer, settings) -> Wiring:
    given = {name: trainer.environ[name.upper()] for name in ("mongo_database", "s3_bucket", "model_name")}
    given |= {
        "monitor_prefect_url": trainer.environ["PREFECT_API_URL"],
        "monitor_prefect_auth_string": trainer.environ["PREFECT_API_AUTH_STRING"],
    }
    return Wiring(msgspec.structs.replace(settings, contract=CONTRACT, **given))


@pytest.fixture(scope="module")
def worker(trainer, layout) -> Iterator[None]:
    """The pool, the deployment `react` and a worker, as a stack has them."""
    prefect = (*program("prefect"), "--no-prompt")
    deploy = ("deploy", "--name", "react", "--prefect-file", "model_orchestration/prefect.yaml")
    for command in (("work-pool", "create", "churn", "--type", "process", "--overwrite"), deploy):
        subprocess.run([*prefect, *command], env=trainer.environ, cwd=PROJECT, check=True, capture_output=True)
    with (layout.logs / "alarm-worker.log").open("wb") as log:
        line = [*program("prefect"), "worker", "start", "--pool", "churn", "--name", "alarmed"]
        process = subprocess.Popen(
            line, env=trainer.environ, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True
        )
    yield
    stop(process)


@pytest.fixture
def client(trainer) -> Iterator[SyncPrefectClient]:
    login = {
        PREFECT_API_URL: trainer.environ["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: trainer.environ["PREFECT_API_AUTH_STRING"],
    }
    with temporary_settings(login), get_client(sync_client=True) as client:
        yield client


def test_an_alarm_is_decided_on_without_the_schedule_and_starts_one_run(wiring, worker, client):
    table, ledger, run_id, ended = wiring.contract.table.name, wiring.ledger(), uuid.uuid4().hex, threading.Event()
    starter = ReactionStarter(wiring.flows())
    starter.start(ended)
    for alarm in (QUIET, RAISED, RAISED):  # each by a monitor that was started anew
        AlarmRecord(ledger, table, starter.raised).tell(run_id, {"drift": alarm}, datetime.now(UTC))
    assert eventually(lambda: ledger.entries(table, kinds=("decided",)), 120)
    ended.set()
    (decided,) = ledger.entries(table, kinds=("decided",))
    assert decided.who == "react"
    deployment = client.read_deployment_by_name("react/react")
    runs = [run for run in client.read_flow_runs() if run.deployment_id == deployment.id and not run.auto_scheduled]
    (alarmed,) = ledger.entries(table, kinds=("alarmed",))
    assert [run.idempotency_key for run in runs] == [alarmed.id]
