"""The supervisor and the finder of orphans, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from embedded import orphans, preflight
from embedded.environment import MARKER
from embedded.layout import Layout, Ports
from embedded.operate import Stack
from embedded.service import free_port
from embedded.supervisor import Supervisor
from tabular.errors import Rejected
from tabular.settings import Settings


@pytest.fixture
def stack(tmp_path):
    ports = Ports(**{name: free_port() for name in Ports.__dataclass_fields__})
    settings = Settings(emulator_port=ports.emulator, store_port=ports.store)
    given = {"EMULATOR_PORT": str(ports.emulator), "STORE_PORT": str(ports.store)}
    (tmp_path / "overrides.env").write_text("".join(f"{key}={value}\n" for key, value in given.items()))
    stack = Stack(Layout(tmp_path, ports), settings, given)
    yield stack
    if stack.supervisor.is_running:
        stack.supervisor.shut_down()
    orphans.end_orphans(tmp_path)


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


def test_another_stack_is_not_taken_for_an_orphan(tmp_path):
    environ = {**os.environ, MARKER: str(tmp_path / "another")}
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], env=environ)
    try:
        assert other.pid not in orphans.find_orphans(tmp_path)
    finally:
        other.kill()
        other.wait()


def test_a_taken_port_is_named_with_the_remedy_before_anything_starts(stack, store, layout):
    taken = replace(stack.layout, ports=replace(stack.layout.ports, api=layout.ports.store))
    with pytest.raises(Rejected, match=rf"port {layout.ports.store} \(api\) is taken.*API_PORT="):
        preflight.check(taken, Supervisor(taken))
    assert not Supervisor(taken).is_running
