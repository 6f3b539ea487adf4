"""A lock that the kernel releases shows which flows were killed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tabular.process.active_runs import ActiveRun, left_behind, recorded

HOLDER = """
import sys
from pathlib import Path
from tabular.process.active_runs import ActiveRun, recorded

with recorded(Path(sys.argv[1]), ActiveRun(sys.argv[2], "train")):
    print("recorded", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """A process that runs a flow of this id until it is killed or its input ends."""
    processes = []

    def hold(flow_run_id):
        line = [sys.executable, "-c", HOLDER, str(tmp_path), flow_run_id]
        processes.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == "recorded\n"
        return processes[-1]

    yield hold
    for process in processes:
        process.kill()
        process.wait()


def found(tmp_path):
    with left_behind(tmp_path) as notes:
        return [note.flow_run_id for note in notes]


def test_a_killed_one_is_found_once_and_one_that_lives_never(tmp_path, hold):
    killed, _living = hold("killed"), hold("living")
    assert found(tmp_path) == []
    killed.kill()
    killed.wait()
    assert found(tmp_path) == ["killed"]
    assert found(tmp_path) == []


def test_one_that_came_to_its_end_leaves_nothing(tmp_path, hold):
    ended = hold("ended")
    ended.stdin.close()
    ended.wait()
    assert found(tmp_path) == []
    assert list((tmp_path / "running").iterdir()) == []


def test_what_could_not_be_ended_is_found_again(tmp_path, hold):
    killed = hold("killed")
    killed.kill()
    killed.wait()
    with pytest.raises(OSError, match="the registry"), left_behind(tmp_path):
        raise OSError("the registry is not there")
    assert found(tmp_path) == ["killed"]


def test_a_failure_of_the_work_is_an_end_too_and_what_cannot_be_read_is_forgotten(tmp_path):
    with pytest.raises(ValueError, match="work"), recorded(tmp_path, ActiveRun("failed", "train")):
        raise ValueError("work")
    (tmp_path / "running" / "broken.json").write_text("{")
    assert found(tmp_path) == []
    assert not (tmp_path / "running" / "broken.json").exists()
