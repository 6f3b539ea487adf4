"""The supervisor and the finder of orphans, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from embedded.environment import MARKER
from embedded.layout import PROJECT, find_executable
from embedded.operate import Stack
from embedded.services.service import accepts
from embedded.services.stack import STACK, STOP_ORDER
from embedded.supervision import orphans


def pid_of(stack: Stack, name: str) -> int:
    return next(process["pid"] for process in stack.supervisor.processes() if process["name"] == name)


def test_a_process_comes_up_ready_and_goes_down(stack):
    stack.up(["emulator", "store"])
    assert stack.supervisor.runs("store")
    stack.down(["emulator", "store"])
    assert not stack.supervisor.runs("store")
    assert stack.supervisor.runs("emulator") is False


def test_a_killed_process_comes_back_though_it_left_its_pid_file(stack):
    stack.up(["store"])
    before = pid_of(stack, "store")
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while pid_of(stack, "store") in (0, before) and time.monotonic() < deadline:
        time.sleep(0.1)
    stack.up(["store"])
    assert pid_of(stack, "store") not in (0, before)


def test_processes_of_a_killed_supervisor_are_found_and_ended(stack):
    stack.up(["store"])
    child = pid_of(stack, "store")
    supervisor = int((stack.layout.state / "supervisor" / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    assert child in orphans.find_orphans(stack.layout.state)
    assert orphans.end_orphans(stack.layout.state) >= 1
    assert not orphans.find_orphans(stack.layout.state)


def test_what_killed_processes_left_in_the_temporary_folder_goes_when_the_next_stack_starts(stack):
    left = stack.layout.folder("tmp") / "runner_storage"
    left.mkdir()
    stack.supervisor.ensure_running()
    assert not left.exists()
    left.mkdir()
    stack.supervisor.ensure_running()
    assert left.exists()  # somebody may use it: the stack ran already


def members_of(stack: Stack) -> set[int]:
    """Every process of the stack, the supervisor among them."""
    return set(orphans.find_orphans(stack.layout.state))


def supervisor_pid(stack: Stack) -> int:
    return int((stack.layout.state / "supervisor" / "supervisord.pid").read_text())


def command(stack: Stack, name: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "embedded", name, "--state", str(stack.layout.state)]
    return subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=100)


def test_to_shut_down_is_to_wait_until_every_process_and_the_supervisor_are_gone(stack):
    stack.up(["store"])
    assert len(members_of(stack)) >= 2
    stack.supervisor.shut_down()
    assert members_of(stack) == set()


def test_servers_have_ended_before_the_store_is_stopped(stack):
    stack.up(["store"])
    stack.supervisor.start("consumer")
    assert command(stack, "stop").returncode == 0
    log = (stack.layout.state / "supervisor" / "supervisord.log").read_text()
    assert log.index("stopped: consumer") < log.index("stopped: store")
    assert "waiting for store to stop" not in log[: log.index("stopped: consumer")]


def test_every_process_has_its_turn_when_the_stack_is_stopped():
    turns = [name for together in STOP_ORDER for name in together]
    assert sorted(turns) == sorted(STACK)
    assert {"store", "emulator", "mlflow"} <= set(STOP_ORDER[-1])
    assert {"api", "consumer", "consumer-2", "worker"} <= set(STOP_ORDER[1])


def test_a_stop_that_was_interrupted_is_waited_for_by_the_next_one(stack):
    stack.up(["store"])
    os.kill(supervisor_pid(stack), signal.SIGTERM)
    done = command(stack, "stop")
    assert (done.returncode, members_of(stack)) == (0, set()), done.stdout + done.stderr
    assert command(stack, "stop").stdout.strip() == "Nothing was running."


@pytest.mark.skipif(find_executable("nginx") is None, reason="Nginx is not installed")
@pytest.mark.parametrize("killed", ["the supervisor", "the supervisor and the master of Nginx"])
def test_nginx_whose_title_covers_its_environment_is_ended_with_the_others(stack, killed):
    stack.up(["store", "reports"])
    nginx = pid_of(stack, "reports")
    os.kill(supervisor_pid(stack), signal.SIGKILL)
    if "master" in killed:
        os.kill(nginx, signal.SIGKILL)
    assert accepts(stack.layout.ports.reports)
    done = command(stack, "stop")
    assert "nothing is left running" in done.stdout, done.stdout + done.stderr
    assert not accepts(stack.layout.ports.reports)
    assert not accepts(stack.layout.ports.store)


def test_a_program_that_is_being_loaded_is_not_the_stacks(tmp_path):
    for _ in range(50):  # it has its command line before its environment, for a moment
        with subprocess.Popen(["tail", "-f", f"{tmp_path}/log"], cwd=tmp_path, stderr=subprocess.DEVNULL) as own:
            taken = orphans._belongs(own.pid, tmp_path)
            own.kill()
        assert not taken


def test_a_persons_own_programs_in_the_state_folder_are_not_the_stacks(tmp_path):
    log = tmp_path / "logs.txt"
    log.touch()
    pager = subprocess.Popen(["tail", "-f", str(log)], cwd=tmp_path)
    try:
        assert pager.pid not in orphans.find_orphans(tmp_path)
    finally:
        pager.kill()
        pager.wait()


def test_another_stack_is_not_taken_for_an_orphan(tmp_path):
    environ = {**os.environ, MARKER: str(tmp_path / "another")}
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], env=environ)
    try:
        assert other.pid not in orphans.find_orphans(tmp_path)
    finally:
        other.kill()
        other.wait()
