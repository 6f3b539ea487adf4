"""A promotion and a rollback by their commands while a hundred requests a second are served by two workers."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from embedded.layout import PROJECT
from tabular.ports.registry import BUNDLE
from tabular.promotion.champion import promote
from tabular.promotion.parts import parts_of
from tabular.settings import with_values
from tabular.wiring import Wiring
from tests.journeys.promotion.load import Load, follows

FOLLOWED_WITHIN_SECONDS = 10.0


@pytest.fixture
def wiring(mlflow_server, store, settings, contract, database):
    return Wiring(with_values(settings, model_name=database, mongo_database=database), contract)


def run_of(wiring, bundle):
    registry = wiring.registry()
    run_id = registry.start_run("trial", {})
    registry.put_folder(run_id, bundle.folder, BUNDLE)
    registry.finish(run_id)
    return run_id


def command(environ, *arguments):
    line = [sys.executable, "-m", "tabular.promotion", *arguments, "--by", "ann"]
    done = subprocess.run(line, cwd=PROJECT, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_neither_fails_a_request_and_both_are_followed_within_ten_seconds(
    run_api, wiring, make_bundle, contract, tmp_path
):
    first, second = (run_of(wiring, make_bundle(contract, seed=seed)) for seed in (5, 6))
    parts = parts_of(wiring)
    promote(parts, first, "gate", "It passed.")
    given = wiring.settings
    environ = {"RUN_ID": "", "MODEL_NAME": given.model_name, "MLFLOW_TRACKING_URI": given.mlflow_tracking_uri}
    environ |= {"MONGO_URI": given.mongo_uri, "MONGO_DATABASE": given.mongo_database}
    with run_api(tmp_path, API_WORKERS="2", **environ) as api, Load(api.port, contract.example) as load:
        assert follows(load, first) < FOLLOWED_WITHIN_SECONDS
        assert f"is RUN_ID {second}" in command(environ, "promote", "--run-id", second, "--why", "It is better.")
        there = follows(load, second)
        assert f"is RUN_ID {first}" in command(environ, "rollback", "--why", "It was worse.")
        back = follows(load, first)
    print(f"{load.count} requests, {load.failed.total()} failed; followed after {there:.1f} s and {back:.1f} s")
    assert not load.failed
    assert max(there, back) <= FOLLOWED_WITHIN_SECONDS
    assert load.count > 300
    told = [(entry.kind, entry.run_id, entry.who) for entry in parts.ledger.entries(limit=2)]
    parts.ledger.close()
    assert told == [("rolled_back", second, "engineer ann"), ("promoted", second, "engineer ann")]
