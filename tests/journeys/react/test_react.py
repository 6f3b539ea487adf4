"""The flow `react` over real S3, MLflow, Prefect and store: from an alarm with labels to a new version and its run."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import msgspec
import pytest

from embedded.layout import PROJECT
from model_orchestration.data.harvest.labelled import count_labelled
from model_orchestration.react.history import read_history
from model_orchestration.react.policy import Policy
from model_orchestration.react.reaction import Parts, harvested_until, look
from tabular.data import feature_store
from tabular.data.prepared import prepare
from tabular.data.synthetic import make_table
from tabular.data.table import public_records
from tabular.ledger.entry import LedgerEntry
from tabular.predictions.label import LATE_AFTER, Label
from tabular.predictions.prediction import Prediction, new_id
from tabular.wiring import Wiring
from tests.journeys.training.trainer import Trainer, make_trainer
from tests.webhook_receiver import Receiver

CONTRACT = PROJECT / "contracts" / "telecom_churn.toml"
POLICY = Policy(retrain_on=frozenset({"quality"}), min_labels=150, cool_down=timedelta(hours=1), max_a_day=3)


@pytest.fixture(scope="module")
def wiring(ministack, store, mlflow_server, settings) -> Wiring:
    given = {"s3_bucket": "react", "mongo_database": f"test_{uuid.uuid4().hex}", "model_name": "react-test"}
    return Wiring(msgspec.structs.replace(settings, contract=CONTRACT, **given)).for_table("")


@pytest.fixture(scope="module")
def webhook() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def trainer(wiring, webhook, prefect_server, settings, layout, tmp_path_factory) -> Trainer:
    trainer = make_trainer("react", CONTRACT, 4, tmp_path_factory.mktemp("react"), settings, layout)
    trainer.environ |= {
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DATABASE": wiring.settings.mongo_database,
        "RETRAIN_ON": "schedule,quality",
        "RETRAIN_MIN_LABELS": "150",
        "ALERT_WEBHOOK_URL": webhook.url,
    }
    trainer.publish(make_table(trainer.contract, 2_000, seed=1))
    return trainer


def parts_of(wiring: Wiring) -> Parts:
    return Parts(wiring.registry(), wiring.ledger(), wiring.contract, wiring.objects(), wiring.predictions())


def raise_alarm(wiring: Wiring, kind: str, run_id: str, *, ended: bool = False) -> str:
    entry = LedgerEntry(
        at=datetime.now(UTC),
        table=wiring.contract.table.name,
        kind="alarm_ended" if ended else "alarmed",
        run_id=run_id,
        who="monitor",
        why=f"{kind} is not what it was",
        evidence={"kind": kind},
    )
    wiring.ledger().append(entry)
    return entry.id


def predict(wiring: Wiring, count: int, run_id: str, seed: int) -> None:
    """Stores predictions of rows like those of the table, with their outcomes."""
    contract = wiring.contract
    table = prepare(contract, make_table(contract, count, seed)).required
    made = [
        Prediction(
            id=new_id(),
            made_at=datetime.now(UTC) - timedelta(seconds=count - at),
            table=contract.table.name,
            run_id=run_id,
            contract=contract.digest,
            source="api",
            row=record,
            score=0.5,
        )
        for at, record in enumerate(public_records(contract, table.features))
    ]
    store = wiring.predictions()
    store.save(made)
    about = {"table": contract.table.name, "received_at": datetime.now(UTC), "source": "file"}
    labels = [
        Label(prediction_id=one.id, outcome=outcome, **about)
        for one, outcome in zip(made, table.raw_target, strict=True)
    ]
    assert wiring.labels().save(labels).attached == count
    time.sleep(LATE_AFTER.total_seconds() + 1)


def react(trainer: Trainer) -> tuple[int, str]:
    line = [sys.executable, "-m", "model_orchestration.react.flow"]
    done = subprocess.run(
        line, env=trainer.environ, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def scheduled(trainer: Trainer) -> str:
    """Trains as the schedule does, and tells the state of the flow's run."""
    code = """
from model_orchestration.flow import train
state = train(if_changed=True, return_state=True)
print(state.name, state.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=trainer.environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.splitlines()[-1]


def entries(wiring: Wiring, *kinds: str) -> list[LedgerEntry]:
    return wiring.ledger().entries(wiring.contract.table.name, kinds=kinds)


def test_from_an_alarm_to_a_new_version_and_a_run_within_the_budget_and_people_are_told(trainer, wiring, webhook):
    champion = trainer.train()["RUN_ID"]
    assert "nothing changed" in scheduled(trainer)
    assert trainer.registry.trained_at() > 0
    code, said = react(trainer)
    assert code == 0, said
    assert "nothing: nothing changed" in said

    webhook.status = 503
    alarm = raise_alarm(wiring, "quality", champion)
    code, said = react(trainer)
    assert code == 0, "a webhook that is down delays nothing"
    assert "only 0 labels are new" in said
    assert "secret-path" not in said
    webhook.status = 200
    webhook.bodies.clear()
    predict(wiring, 200, champion, seed=2)
    code, said = react(trainer)
    assert code == 0, said
    version = feature_store.latest(wiring.objects(), wiring.contract)
    assert version.harvested is not None, said
    assert (version.rows, version.harvested.runs) == (2_200, {champion: 200})

    [retrained] = entries(wiring, "retrained")
    assert retrained.evidence["data_version"] == version.sha256
    run = trainer.registry.run(retrained.run_id)
    assert run.tags["data_sha256"] == version.sha256
    assert run.tags["data_harvested_rows"] == "200"
    [harvested] = entries(wiring, "harvested")
    assert (harvested.who, harvested.evidence["rows"]) == ("react", 200)
    decided = entries(wiring, "decided")
    assert [one.evidence["action"] for one in decided] == ["retrain", "tell", "nothing"]
    assert decided[0].evidence["alarms"] == decided[1].evidence["alarms"] == alarm

    told = [(body["kind"], body["evidence"].get("action")) for body in webhook.bodies]
    wanted = [("alarmed", None), ("decided", "tell"), ("decided", "retrain"), ("harvested", None), ("retrained", None)]
    assert [each for each in told if each in wanted] == wanted

    predict(wiring, 200, champion, seed=3)
    code, said = react(trainer)
    in_shadow = trainer.registry.run(retrained.run_id).tags["gate"] == "passed"
    assert ("is in shadow, and is decided on first" if in_shadow else "it cools down") in said
    assert len(entries(wiring, "retrained")) == 1


def test_the_same_nothing_is_entered_once_and_an_alarm_is_told_of_once(wiring, database):
    fresh = Wiring(msgspec.structs.replace(wiring.settings, mongo_database=database, model_name="react-none"))
    fresh.objects().ensure_bucket()
    parts = replace(parts_of(fresh), registry=fresh.registry())
    assert parts.served_run(datetime.now(UTC)) is None
    now = datetime.now(UTC)
    decisions = [look(parts, POLICY, now + timedelta(seconds=at)) for at in range(5)]
    assert {one.action for one in decisions} == {"nothing"}
    assert len(entries(fresh, "decided")) == 1

    predict(fresh, 30, "pinned", seed=5)
    assert parts.served_run(datetime.now(UTC)) == "pinned", "there is no champion, and this run predicts"
    raise_alarm(fresh, "drift", "another")
    assert look(parts, POLICY, datetime.now(UTC)).action == "nothing", "the alarm is of another run"
    raise_alarm(fresh, "drift", "pinned")
    assert [look(parts, POLICY, datetime.now(UTC)).action for _ in range(3)] == ["tell", "nothing", "nothing"]
    assert {one.evidence["reason"] for one in entries(fresh, "decided")} == {"told", "alarm", "nothing_new"}

    raise_alarm(fresh, "drift", "pinned", ended=True)
    assert read_history(parts.ledger, parts.table, "pinned", datetime.now(UTC)).alarms == ()


def test_labels_that_were_harvested_are_not_new(wiring, database):
    fresh = Wiring(msgspec.structs.replace(wiring.settings, mongo_database=database, s3_bucket="react-none"))
    fresh.objects().ensure_bucket()
    assert harvested_until(fresh.objects(), fresh.contract) is None
    predict(fresh, 30, "run", seed=4)
    now = datetime.now(UTC)
    assert count_labelled(fresh.predictions(), fresh.contract.table.name, None, now, 1_000) == 30
    assert count_labelled(fresh.predictions(), fresh.contract.table.name, None, now, 10) == 10
    assert count_labelled(fresh.predictions(), fresh.contract.table.name, now, now, 1_000) == 0
