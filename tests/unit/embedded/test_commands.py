"""What the commands say when they are interrupted, or asked too early."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from embedded.layout import PROJECT
from embedded.operate import StepFailed


def started(stack, *arguments: str) -> subprocess.Popen[str]:
    """A command of the stack in a process group of its own, as a terminal has it."""
    line = [sys.executable, "-m", "embedded", *arguments, "--state", str(stack.layout.state)]
    environ = {**os.environ, **stack.given, "DATASET_CSV": "", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        line, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )


def finished(stack, *arguments: str) -> tuple[int, str]:
    """Its exit code and what it said."""
    with started(stack, *arguments) as process:
        said, _ = process.communicate(timeout=100)
        return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "the end of the terminal"])
def test_a_run_that_is_interrupted_says_what_goes_on_and_how_to_end_it(stack, number):
    with started(stack, "run") as process:
        assert "Starting" in process.stdout.readline()
        while not stack.supervisor.up():
            assert process.poll() is None
        os.killpg(process.pid, number)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("Interrupted. Still running: ")
    assert last.endswith(". To continue: make run. To stop them: make stop.")
    assert "emulator" in last


def test_an_interrupted_command_of_ours_is_ended_in_order_and_says_nothing():
    child = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print('up', flush=True); time.sleep(99)"
    )
    code = (
        "import sys; from pathlib import Path; from embedded.supervision.foreground import run_in_foreground\n"
        "try: run_in_foreground([sys.executable, '-c', sys.argv[1]], {}, Path('.'))\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    line = [sys.executable, "-c", code, child]
    with subprocess.Popen(
        line, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as process:
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"


def test_a_step_that_fails_is_named_as_it_can_be_typed(stack):
    with pytest.raises(StepFailed, match="'python -m no_such_module' failed with exit code 1: see above"):
        stack.call("no_such_module")


def test_starting_servers_before_the_registry_names_what_to_start(stack):
    code, said = finished(stack, "start-serve")
    assert (code, said.strip()) == (
        1,
        "The registry is not running: MLflow and the streams are missing. Start it first: make setup-model-registry",
    )


def test_logs_of_what_never_ran_are_not_there(stack):
    shutil.rmtree(stack.layout.logs, ignore_errors=True)
    assert finished(stack, "logs") == (1, "\nThere are no logs yet. To start the loop: make run\n")


@pytest.mark.parametrize("target", ["status", "logs", "stop"])
def test_who_only_looks_installs_nothing(tmp_path, target):
    shutil.copy(PROJECT / "Makefile", tmp_path)
    done = subprocess.run(["make", target], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert "othing" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
