"""A champion, a model in the shadow, predictions and labels, over a real store and a real registry."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import numpy as np
import pymongo
import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from server.scoring.model import ready_model
from server.shadow import past
from server.shadow.metrics import ShadowMetrics
from server.shadow.table import TableShadow
from tabular.ports.registry import BUNDLE, CHALLENGER, PREVIOUS
from tabular.predictions.label import Label
from tabular.predictions.prediction import new_ids
from tabular.process.cautious_clock import PROOF_SECONDS, CautiousClock
from tabular.promotion.challenger import challenge
from tabular.promotion.champion import promote
from tabular.promotion.parts import parts_of
from tabular.settings import with_values
from tabular.wiring import Wiring
from tests.conftest import random_records
from tests.journeys.waiting import eventually

PATIENCE_SECONDS = 150


class Stage:
    """Two models of one table in the registry, and all that they meet in."""

    def __init__(self, wiring, bundles):
        self.wiring, self.parts = wiring, parts_of(wiring)
        self.models = [self._registered(bundle) for bundle in bundles]
        self.runs = [model.run_id for model in self.models]
        self.contract = wiring.contract

    def _registered(self, bundle):
        run_id = self.parts.registry.start_run("trial", {"data_sha256": "data"})
        self.parts.registry.put_folder(run_id, bundle.folder, BUNDLE)
        self.parts.registry.finish(run_id)
        return ready_model(run_id, bundle)

    def predicted(self, rows, by=0, seed=0):
        """Predictions that a model makes now, stored."""
        model, records = self.models[by], random_records(self.contract, rows, seed)
        made = model.rows([model.bundle.codec.parse(one) for one in records], new_ids(rows), "api")
        store = self.wiring.predictions()
        store.save(made)
        store.close()
        return made

    def labelled(self, made, second_is_right):
        """Outcomes drawn with the first model's probability, or so far as it is right with the second's, attached."""
        ids = [one.id for one in made]
        both = [
            [one.score for one in model.rows([model.bundle.codec.parse(one.row) for one in made], ids, "api")]
            for model in self.models
        ]
        chances = (1 - second_is_right) * np.array(both[0]) + second_is_right * np.array(both[1])
        is_positive = np.random.default_rng(5).random(len(made)) < chances
        target = self.contract.target
        negative = next(name for name in target.classes if name != target.positive)
        labels = self.wiring.labels()
        labels.save(
            [
                Label(
                    table=one.table,
                    prediction_id=one.id,
                    outcome=str(target.positive) if positive else negative,
                    received_at=datetime.now(UTC),
                    source="api",
                )
                for one, positive in zip(made, is_positive.tolist(), strict=True)
            ]
        )
        labels.close()

    def standing(self):
        return tuple(self.parts.standing_on(alias) for alias in ("champion", CHALLENGER, PREVIOUS))

    def kinds(self):
        return [entry.kind for entry in self.parts.ledger.entries()]


@pytest.fixture
def settings_of(settings, tmp_path, database):
    def make(**given):
        quick = {"shadow_interval_seconds": 0.2, "shadow_poll_seconds": 0.2, "model_refresh_seconds": 0.2}
        names = {"model_name": database, "mongo_database": database, "state_dir": tmp_path}
        return with_values(settings, **names, **(quick | given))

    return make


@pytest.fixture
def stage(mlflow_server, store, settings_of, contract, make_bundle):
    bundles = [make_bundle(contract, seed=seed, rows=400) for seed in (1, 2)]
    made = Stage(Wiring(settings_of(), contract), bundles)
    promote(made.parts, made.runs[0], "gate", "It passed, and there was no champion.")
    yield made
    made.parts.ledger.close()


@pytest.fixture
def run_shadow(settings_of, contract):
    """Runs the shadow of the table until something is true, with these settings."""

    def run(until, giving_up=None, **given):
        shadow = TableShadow(Wiring(settings_of(**given), contract), ShadowMetrics(), giving_up)
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while not until():
                assert time.monotonic() < end, [task.failing for task in shadow.tasks]
                shadow.turn()
                time.sleep(0.05)
        finally:
            shadow.close()

    return run


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_a_challenger_that_is_better_is_promoted_with_its_evidence_on_record(stage, run_shadow):
    champion, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    stage.labelled(stage.predicted(700), 1)
    run_shadow(lambda: stage.standing()[0] == challenger)
    assert stage.standing() == (challenger, None, champion)
    entry = stage.parts.ledger.entries(kinds=("promoted",))[0]
    assert (entry.run_id, entry.who) == (challenger, "shadow")
    assert "It is better than the champion: on " in entry.why
    assert entry.evidence["labels"] > 50
    assert 0 < entry.evidence["gain_low"] <= entry.evidence["gain"] <= entry.evidence["gain_high"]
    assert entry.evidence["own_loss"] < entry.evidence["champion_loss"]
    assert entry.evidence["challengers_in_a_year"] == 1
    assert entry.evidence["error_in_a_year_at_most"] == pytest.approx(0.025)


def test_a_challenger_that_is_worse_is_dropped(stage, run_shadow):
    champion, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    stage.labelled(stage.predicted(700), 0)
    run_shadow(lambda: stage.kinds()[0] == "dropped")
    assert stage.standing() == (champion, None, None)
    entry = stage.parts.ledger.entries(kinds=("dropped",))[0]
    assert (entry.run_id, entry.who) == (challenger, "shadow")
    assert "It is worse than the champion" in entry.why


def test_one_that_is_neither_is_dropped_when_its_budget_is_used_up(stage, run_shadow):
    champion, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    stage.labelled(stage.predicted(300), 0.5)
    run_shadow(lambda: stage.kinds()[0] == "dropped", shadow_max_labels=300, shadow_confidence=0.999999)
    assert stage.standing() == (champion, None, None)
    entry = stage.parts.ledger.entries(kinds=("dropped",))[0]
    assert "neither better nor worse than the champion after 300 labelled predictions" in entry.why


def test_its_days_are_used_up_by_a_clock_that_has_proved_right_and_by_no_other(stage, run_shadow):
    champion, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    short = {"shadow_max_days": 0.1}
    run_shadow(after(2.0), giving_up=CautiousClock(wall=lambda: time.time() + 86_400), **short)
    assert stage.standing() == (champion, challenger, None)
    passed = itertools.count(0.0, PROOF_SECONDS)  # at every reading it is an hour later
    proved = CautiousClock(lambda: time.time() + next(passed), lambda: next(passed))
    run_shadow(lambda: stage.kinds()[0] == "dropped", giving_up=proved, **short)
    assert "neither better nor worse" in stage.parts.ledger.entries(kinds=("dropped",))[0].why


def test_a_champion_that_proves_worse_than_the_one_before_is_rolled_back(stage, run_shadow):
    before, sabotaged = stage.runs
    promote(stage.parts, sabotaged, "engineer ann", "It was forced.")
    stage.labelled(stage.predicted(700, by=1), 0)
    run_shadow(lambda: stage.standing()[0] == before)
    entry = stage.parts.ledger.entries(kinds=("rolled_back",))[0]
    assert (entry.run_id, entry.who, entry.evidence["restored"]) == (sabotaged, "shadow", before)
    assert "The champion of before is better than the present one" in entry.why


@pytest.mark.parametrize("mode", ["manual", "gate"])
def test_where_an_engineer_decides_nothing_is_changed_and_the_finding_is_entered_once(stage, run_shadow, mode):
    champion, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    stage.labelled(stage.predicted(700), 1)
    run_shadow(lambda: stage.kinds()[0] == "decided", promotion=mode)
    run_shadow(after(8), promotion=mode)  # started anew, it says no more
    assert stage.kinds().count("decided") == 1
    assert stage.standing() == (champion, challenger, None)
    assert f"make promote RUN_ID={challenger}" in stage.parts.ledger.entries(kinds=("decided",))[0].why


def test_predictions_of_before_the_challenge_are_no_evidence(stage, run_shadow):
    champion, challenger = stage.runs
    made = stage.predicted(700)
    time.sleep(0.01)
    challenge(stage.parts, challenger, "gate", "It passed.")
    stage.labelled(made, 1)
    run_shadow(after(8))
    assert stage.standing() == (champion, challenger, None)


def test_a_challenger_without_a_bundle_is_dropped_with_the_reason(stage, run_shadow):
    run_id = stage.parts.registry.start_run("trial", {})
    stage.parts.registry.finish(run_id)
    challenge(stage.parts, run_id, "gate", "It passed.")
    run_shadow(lambda: stage.kinds()[0] == "dropped")
    assert "its bundle cannot be used" in stage.parts.ledger.entries(kinds=("dropped",))[0].why


def test_what_is_stored_is_scored_with_any_run_and_compared_and_nothing_follows(stage, capsys):
    champion, other = stage.runs
    stage.labelled(stage.predicted(500), 1)
    time.sleep(6)  # until the labels have settled
    asked = ["--since", "2020-01-01", "--run-id", other]
    assert past.main(asked, stage.wiring) == 0
    said = capsys.readouterr().out
    assert "500 predictions of credit_card_churn made since 2020-01-01 00:00:00 UTC were scored" in said
    assert f"On 500 labelled predictions of the champion {champion} the mean loss is" in said
    assert past.main(asked, stage.wiring) == 0
    assert "0 predictions of credit_card_churn" in capsys.readouterr().out
    assert stage.standing() == (champion, None, None)
    assert stage.kinds() == ["promoted"]
    assert past.main(["--since", "", "--run-id", other], stage.wiring) == 1
    assert past.main(["--since", "2020-01-01", "--run-id", "f" * 32], stage.wiring) == 1


def test_killed_and_started_again_it_scores_every_prediction_once(stage, settings_of, tmp_path, contract):
    _, challenger = stage.runs
    challenge(stage.parts, challenger, "gate", "It passed.")
    port, settings = free_port(), settings_of(shadow_interval_seconds=60.0)
    environ = {
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "MONGO_URI": settings.mongo_uri,
        "MONGO_DATABASE": settings.mongo_database,
        "MODEL_NAME": settings.model_name,
        "STATE_DIR": str(tmp_path),
        "SHADOW_METRICS_PORT": str(port),
        "SHADOW_POLL_SECONDS": "0.1",
        "CONTRACT": str(PROJECT / "contracts" / "credit_card_churn.toml"),
    }

    def start():
        return subprocess.Popen([sys.executable, "-m", "server.shadow"], cwd=PROJECT, env=environ)

    def scored():
        return client[settings.mongo_database]["shadow"].count_documents({})

    with pymongo.MongoClient(settings.mongo_uri) as client:
        process = start()
        made = stage.predicted(1_500)
        assert eventually(lambda: scored() > 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        made += stage.predicted(200, seed=1)
        process = start()
        try:
            assert eventually(lambda: scored() == len(made))
            time.sleep(1)
            assert scored() == len(made)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
                shown = response.read().decode()
            assert (
                f'shadow_model_info{{role="challenger",run_id="{challenger}",table="{contract.table.name}"}} 1.0'
                in shown
            )
            assert f'shadow_lag_seconds{{role="challenger",table="{contract.table.name}"}} 0.0' in shown
        finally:
            process.terminate()
            assert process.wait(20) == 0
        stored = {one["prediction_id"] for one in client[settings.mongo_database]["shadow"].find()}
        assert stored == {one.id for one in made}
    assert made[0].made_at > datetime.now(UTC) - timedelta(minutes=10)
