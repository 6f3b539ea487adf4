"""What a start was given on the command line, and how it is taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from embedded.__main__ import _stop_outdated
from embedded.environment import (
    given_on_the_command_line,
    process_base,
    process_environ,
    remember,
    remembered,
    stack_settings,
)
from embedded.layout import PROJECT, Layout, Ports
from embedded.operate import Stack
from embedded.services import prometheus
from embedded.table_choice import change_of_tables, with_tables_of


def start(state, **given):
    """The settings that the next command of this stack reads after `init-aws` was given these."""
    code = (
        "import argparse, sys, json, embedded.__main__ as m;"
        "stack = m._stack(argparse.Namespace(command='init-aws', state=sys.argv[1]));"
        "print(json.dumps([stack.settings.simulator_shift, stack.settings.trials]))"
    )
    environ = {**process_base(os.environ), **given}  # MLflow sets its address in the process that asks it
    done = subprocess.run(
        [sys.executable, "-c", code, str(state)], cwd=PROJECT, env=environ, capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_a_start_remembers_what_an_earlier_one_was_given(tmp_path):
    assert start(tmp_path, SIMULATOR_SHIFT="credit_limit=+50%", TRIALS="7") == ["credit_limit=+50%", 7]
    assert start(tmp_path) == ["credit_limit=+50%", 7]


def test_an_empty_value_takes_it_back(tmp_path):
    start(tmp_path, SIMULATOR_SHIFT="credit_limit=+50%", TRIALS="7")
    assert start(tmp_path, SIMULATOR_SHIFT="") == ["", 7]
    assert start(tmp_path, TRIALS="") == ["", 50]


def test_the_file_of_a_table_is_remembered_with_the_table_and_not_for_the_next_one(tmp_path):
    start(tmp_path, DATASET_CSV="mine.csv", TRIALS="7")
    assert remembered(tmp_path) == {"TRIALS": "7"}


def test_a_process_has_the_settings_of_its_own_start_and_none_that_its_supervisor_was_started_with():
    inherited = {"PATH": "/bin", "MODEL_NAME": "of an earlier start", "TRAIN_CRON": "* * * * *", "CONTRACT": "old.toml"}
    assert process_base(inherited) == {"PATH": "/bin"}


class Recorder:
    """A supervisor that records what it is asked to stop."""

    is_running = True

    def __init__(self):
        self.stopped = []

    def stop(self, names):
        self.stopped += names


def told_by(state, **given):
    """What a start says about its tables, given what the last one saved."""
    return change_of_tables(state, remembered(state), given, for_once=False)


def test_a_start_with_another_table_says_so_and_how_to_serve_both(tmp_path):
    assert not told_by(tmp_path, CONTRACT="contracts/iris.toml"), "nothing was started here before"
    remember(Layout(tmp_path), {})
    assert not told_by(tmp_path)
    assert not told_by(tmp_path, CONTRACT="contracts/credit_card_churn.toml"), "that is the usual one"
    said = told_by(tmp_path, CONTRACT="contracts/iris.toml")
    assert "was about contracts/credit_card_churn.toml; from now on it is about contracts/iris.toml" in said
    assert "To serve several tables: make run TABLES=one,other" in said
    remember(Layout(tmp_path), {"TABLES": "iris,taxi_rides"})
    assert "was about iris,taxi_rides; from now on it is about contracts/iris.toml" in told_by(
        tmp_path, CONTRACT="contracts/iris.toml"
    )
    assert not told_by(tmp_path, TABLES="iris,taxi_rides")


def test_a_command_about_another_table_than_the_served_leaves_those_in_place_and_says_so(tmp_path):
    served = {"TABLES": "iris,taxi_rides", "TRIALS": "3"}
    remember(Layout(tmp_path), served)
    given = {"CONTRACT": "contracts/telecom_churn.toml", "TRIALS": "9"}
    said = change_of_tables(tmp_path, served, given, for_once=True)
    assert "serves iris,taxi_rides, and goes on training that by schedule" in said
    assert "this command alone is about contracts/telecom_churn.toml" in said
    assert "make run CONTRACT=contracts/telecom_churn.toml" in said
    assert with_tables_of(served, given) == {"TABLES": "iris,taxi_rides", "TRIALS": "9"}


def stopped_by(tmp_path, command, **given):
    """What a command with these settings stops before it starts anything."""
    stack = Stack(Layout(tmp_path), stack_settings(tmp_path, given), given)
    stack.__dict__["supervisor"] = Recorder()
    _stop_outdated(stack, command, given)
    return set(stack.supervisor.stopped)


def test_another_table_starts_the_worker_anew_as_it_does_the_servers(tmp_path):
    other = {"CONTRACT": "contracts/telecom_churn.toml"}
    assert stopped_by(tmp_path, "run") == set()
    assert stopped_by(tmp_path, "run") == set()
    assert stopped_by(tmp_path, "train", **other) == set(), "a training by hand changes nothing that runs"
    assert {"worker", "api", "consumer", "monitor"} <= stopped_by(tmp_path, "run", **other)
    assert "worker" in stopped_by(tmp_path, "start-serve")
    assert stopped_by(tmp_path, "start-serve", TRIALS="9") >= {"worker"}


def test_a_model_that_is_pinned_or_another_shift_leaves_the_worker_alone(tmp_path):
    stopped_by(tmp_path, "run")
    assert "worker" not in stopped_by(tmp_path, "start-serve", RUN_ID="a" * 32, SIMULATOR_SHIFT="credit_limit=+50%")


@pytest.mark.parametrize(
    ("environ", "login"),
    [
        ({"PREFECT_SERVER_API_AUTH_STRING": "prefects:own"}, "prefects:own"),
        ({"PREFECT_SERVER_API_AUTH_STRING": "prefects:own", "PREFECT_AUTH_STRING": "the:stacks"}, "the:stacks"),
    ],
)
def test_a_login_for_prefect_is_taken_by_its_own_variable_too(monkeypatch, environ, login):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert given_on_the_command_line()["PREFECT_AUTH_STRING"] == login


def test_what_is_remembered_is_read_back_whole(tmp_path):
    given = {"SIMULATOR_SHIFT": "credit_limit=+50%", "RUN_ID": ""}
    remember(Layout(tmp_path), given)
    assert remembered(tmp_path) == given
    assert stack_settings(tmp_path, given).simulator_shift == "credit_limit=+50%"


def test_what_libraries_keep_for_themselves_is_in_the_state_folder(tmp_path):
    home, state = tmp_path / "home", tmp_path / "state"
    home.mkdir()
    code = "import matplotlib as m, tempfile; print(m.get_configdir(), m.get_cachedir(), tempfile.gettempdir())"
    environ = {"HOME": str(home), **process_environ(Layout(state), {})}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert all(folder.startswith(f"{state}/") for folder in done.stdout.split())
    assert list(home.iterdir()) == []


def test_prometheus_is_pointed_at_this_stacks_own_ports(tmp_path):
    ports = Ports(api=21_001, consumer_metrics=21_002, monitor=21_003, prometheus=21_004)
    prometheus.service(Layout(tmp_path, ports))
    targets = (tmp_path / "prometheus" / "targets.yml").read_text()
    assert all(f"127.0.0.1:{port}" in targets for port in (21_001, 21_002, 21_003))
    assert "127.0.0.1:21004" in (tmp_path / "prometheus" / "prometheus.yml").read_text()
    assert "$" not in targets
    assert {"prometheus.yml", "alerts.yml"} <= {path.name for path in (tmp_path / "prometheus").iterdir()}


def test_prometheus_has_the_key_of_the_api_in_a_file_of_its_owner(tmp_path):
    prometheus.service(Layout(tmp_path), api_key="first")
    prometheus.service(Layout(tmp_path), api_key="the-key")
    file = tmp_path / "prometheus" / "api_key"
    assert file.read_text() == "the-key"
    assert file.stat().st_mode & 0o777 == 0o600
