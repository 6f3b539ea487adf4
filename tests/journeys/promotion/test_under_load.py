"""A promotion and a rollback of the running stack, as one types them, while a hundred requests a second are sent."""

from __future__ import annotations

import time

import pytest

from mlflow import MlflowClient
from tabular.settings import Settings
from tabular.wiring import Wiring
from tests.journeys.promotion.load import Load, follows
from tests.journeys.waiting import eventually

FOLLOWED_WITHIN_SECONDS = 10.0


@pytest.fixture
def wiring(loop):
    ports = loop.ports
    addresses = {"mongo": f"mongodb://127.0.0.1:{ports.store}", "mlflow": f"http://127.0.0.1:{ports.mlflow}"}
    return Wiring(Settings(mlflow_tracking_uri=addresses["mlflow"], mongo_uri=addresses["mongo"]))


def siblings(loop, champion):
    """The other trials of the champion's sweep."""
    client = MlflowClient(f"http://127.0.0.1:{loop.ports.mlflow}")
    run = client.get_run(champion)
    query = f"tags.`mlflow.parentRunId` = '{run.data.tags['mlflow.parentRunId']}'"
    found = client.search_runs([run.info.experiment_id], query)
    return [one.info.run_id for one in found if one.info.run_id != champion]


def served(loop, contract):
    return loop.predict(contract.example)[1]["model_run_id"]


def test_a_promotion_and_a_rollback_fail_no_request_and_are_followed_within_ten_seconds(loop, contract, wiring):
    champion = wiring.registry().champion()
    other = siblings(loop, champion)[0]
    with Load(loop.ports.api, contract.example) as load:
        time.sleep(1)
        for arguments, run in (
            (("promote", "--", "--run-id", other, "--why=It is better.", "--by=ann"), other),
            (("rollback", "--", "--why=It was worse.", "--by=ann"), champion),
        ):
            done = loop.command(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            assert f"is RUN_ID {run}" in done.stdout
            assert follows(load, run) <= FOLLOWED_WITHIN_SECONDS
    print(f"{load.count} requests, {load.failed.total()} failed")
    assert not load.failed
    assert load.count > 500
    told = [(entry.kind, entry.run_id, entry.who) for entry in wiring.ledger().entries(limit=2)]
    assert told == [("rolled_back", other, "engineer ann"), ("promoted", other, "engineer ann")]
    shown = loop.command("ledger", "--", "--n", "2")
    assert "It was worse." in shown.stdout
    stored = wiring.predictions().latest(1, run_id=other)[0]
    replayed = loop.command("replay", "--", stored.id)
    assert replayed.returncode == 0, replayed.stdout
    assert "every bit agrees" in replayed.stdout
    at = stored.made_at.isoformat()
    assert other in loop.command("live", "--", at).stdout


def test_by_hand_the_gate_passes_a_model_and_nothing_serves_it_until_it_is_promoted(loop, contract, wiring):
    champion = wiring.registry().champion()
    # One trial more than the champion's sweep, whose trials it repeats: its best is no worse.
    done = loop.command("train", TRIALS="9", PROMOTION="manual")
    assert done.returncode == 0, done.stdout + done.stderr
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("gate ", "RUN_ID ")))
    assert told["gate"] == "passed", done.stdout
    other = told["RUN_ID"]
    assert f"make promote RUN_ID={other}" in done.stdout
    assert wiring.registry().champion() == champion
    time.sleep(FOLLOWED_WITHIN_SECONDS)
    assert served(loop, contract) == champion
    assert loop.command("promote", "--", "--run-id", other, "--why=It is better.").returncode == 0
    assert eventually(lambda: served(loop, contract) == other)
    assert loop.command("rollback", "--", "--why=It was a test.").returncode == 0
    assert eventually(lambda: served(loop, contract) == champion)
    page = loop.get(loop.ports.reports, "/history.html")[1]
    assert "It was a test." in page
    assert f"The champion is <code>{champion}</code>" in page


def test_a_pinned_run_is_named_and_nothing_changes(loop, contract, wiring):
    champion = wiring.registry().champion()
    pinned, other = siblings(loop, champion)[:2]
    assert loop.command("start-serve", RUN_ID=pinned).returncode == 0
    try:
        refused = loop.command("promote", "--", "--run-id", other, "--why=It is better.")
        assert refused.returncode == 1
        assert f"RUN_ID={pinned} is pinned" in refused.stdout + refused.stderr
        assert wiring.registry().champion() == champion
        assert served(loop, contract) == pinned
    finally:
        assert loop.command("start-serve").returncode == 0
    assert served(loop, contract) == champion
