"""What a deploy asks a replica before it goes on: golden records, over HTTP, with the scores they must have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from embedded.layout import PROJECT
from embedded.services.service import free_port
from server.scoring.check_responses import expected
from tabular.contract.loading import load_contract

TABLES = "credit_card_churn,telecom_churn,taxi_rides"
KEY = "the-key-of-this-test"
RUNS = {"TABLES": TABLES, "RUN_ID": "aaaa", "RUN_ID_TELECOM_CHURN": "bbbb", "API_KEY": KEY}


@pytest.fixture(scope="module")
def state(tmp_path_factory, make_bundle, contract):
    state = tmp_path_factory.mktemp("responses")
    make_bundle(contract, state / "bundles" / "aaaa")
    make_bundle(load_contract(PROJECT / "contracts" / "telecom_churn.toml"), state / "bundles" / "bbbb")
    return state


@pytest.fixture(scope="module")
def api(run_api, state):
    with run_api(state, API_WORKERS="1", **RUNS) as api:
        yield api


def check(state, port, **given):
    environ = {
        **os.environ,
        "STATE_DIR": str(state),
        "API_PORT": str(port),
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    return subprocess.run(
        [sys.executable, "-m", "server.scoring.check_responses"],
        env=environ | RUNS | given,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_table_responds_to_a_golden_record_and_one_without_a_model_says_so(api, state):
    done = check(state, api.port)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == "credit_card_churn: run aaaa responds to a golden record as when it was made"
    assert second == "telecom_churn: run bbbb responds to a golden record as when it was made"
    assert third.startswith("taxi_rides has no model: ")


def test_another_score_than_the_golden_one_fails_and_names_both(api, tmp_path, make_bundle, contract, state):
    """The replica serves what is not the run that it names."""
    shutil.copytree(state, tmp_path / "state")
    shutil.rmtree(tmp_path / "state" / "bundles" / "aaaa")
    other = make_bundle(contract, tmp_path / "state" / "bundles" / "aaaa", seed=7)
    done = check(tmp_path / "state", api.port)
    assert done.returncode == 1
    assert f"must have {expected(other, other.golden[0])}" in done.stderr
    assert "credit_card_churn: the response to a golden record has" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"RUN_ID": "cccc"}, "the run aaaa is served, and cccc is pinned"),
        ({"API_KEY": "wrong"}, "/predict responded 401"),
    ],
)
def test_another_run_than_the_pinned_one_and_an_error_fail(api, state, given, said):
    done = check(state, api.port, **given)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_nothing_that_listens_fails(state):
    done = check(state, free_port())
    assert done.returncode == 1
    assert "/health/ready did not respond" in done.stderr


def test_the_response_of_several_classes_has_the_winner_and_every_probability(multiclass_bundle):
    golden = multiclass_bundle.golden[0]
    found = expected(multiclass_bundle, golden)
    probabilities = dict(zip(multiclass_bundle.contract.target.classes, golden.scores, strict=True))
    assert found["probabilities"] == probabilities
    assert probabilities[found[multiclass_bundle.contract.reply.prediction_key]] == max(golden.scores)
