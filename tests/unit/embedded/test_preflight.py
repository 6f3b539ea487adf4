"""What is seen before anything starts: ports that cannot be had, and clones side by side."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from embedded import preflight
from embedded.environment import process_environ, stack_settings
from embedded.layout import PROJECT, Ports, layout_of
from embedded.supervision.sockets import is_listening
from embedded.supervision.supervisor import Supervisor
from tabular.errors import InvalidSetting, Rejected
from tabular.settings import Settings


def rejected(stack, consumers: int = 1, **ports: int) -> str:
    layout = replace(stack.layout, ports=replace(stack.layout.ports, **ports))
    with pytest.raises(Rejected) as caught:
        preflight.check(layout, Supervisor(layout), consumers)
    assert not Supervisor(layout).is_running
    return str(caught.value)


def test_a_taken_port_is_named_with_the_remedy_before_anything_starts(stack, store, layout):
    said = rejected(stack, api=layout.ports.store)
    assert f"port {layout.ports.store} (api) is in use by another program" in said
    assert "API_PORT=" in said
    assert "make run PORT_OFFSET=" in said


def test_a_port_of_a_further_consumer_is_checked_too(stack, store, layout):
    said = rejected(stack, consumers=2, consumer_metrics=layout.ports.store - 10)
    assert f"port {layout.ports.store} (consumer-2) is in use by another program" in said


def test_two_that_want_the_same_port_are_named_before_anything_starts(stack):
    port = stack.layout.ports.mlflow
    said = rejected(stack, api=port)
    assert f"port {port} is assigned to both mlflow (MLFLOW_PORT) and api (API_PORT)" in said
    said = rejected(stack, consumers=2, monitor=21_010, consumer_metrics=21_000)
    assert "port 21010 is assigned to both monitor (MONITOR_PORT) and consumer-2 (CONSUMER_METRICS_PORT)" in said


def test_a_port_that_requires_root_privileges_is_named():
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("here anybody may listen everywhere")
    code = (
        "from pathlib import Path; from embedded import preflight;"
        "from embedded.supervision.supervisor import Supervisor; from embedded.layout import Layout, Ports;"
        "layout = Layout(Path('/nowhere'), Ports(reports=80)); preflight.check(layout, Supervisor(layout))"
    )
    # Root without the one right in question: another user may not be let into the folder of the project.
    drop, right = 24, 10  # PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE
    before = f"import ctypes, os, sys; ctypes.CDLL(None).prctl({drop}, {right}); os.execv(sys.argv[1], sys.argv[1:])"
    line = [sys.executable, "-c", before, sys.executable, "-c", code]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert "port 80 (reports) requires root privileges: choose a port above 1023: make run REPORTS_PORT=" in done.stderr


def test_that_our_own_process_has_its_port_already_is_no_fault_and_that_a_stranger_has_it_is_one(stack, store, layout):
    stack.up(["store"])
    preflight.check(stack.layout, stack.supervisor)
    pid = stack.supervisor.process("store")["pid"]
    assert is_listening(stack.layout.ports.store, group=pid)
    moved = replace(stack.layout, ports=replace(stack.layout.ports, store=layout.ports.store))
    with pytest.raises(Rejected, match=r"\(store\) is in use by another program"):
        preflight.check(moved, stack.supervisor)


def test_one_option_moves_every_port_of_every_process(tmp_path):
    layout = layout_of(stack_settings(tmp_path, {"PORT_OFFSET": "100", "API_PORT": "9000"}))
    assert layout.ports == Ports(4666, 27_118, 5151, 4300, 9100, 8186, 8187, 8185, 9191, 8988)
    environ = process_environ(layout, {"PORT_OFFSET": "100", "API_PORT": "9000"})
    assert (environ["API_PORT"], environ["MONITOR_PORT"]) == ("9100", "8185")
    assert "PORT_OFFSET" not in environ
    with pytest.raises(InvalidSetting, match=r"PORT_OFFSET=60000 cannot be used: STORE_PORT would be 87018"):
        layout_of(Settings(port_offset=60_000))


def test_a_clone_remembers_where_its_ports_are_also_when_it_is_run_anew(tmp_path):
    code = (
        "import argparse, sys, embedded.__main__ as m;"
        "print(m._stack(argparse.Namespace(command=sys.argv[2], state=sys.argv[1])).layout.ports.api)"
    )

    def port(command: str, **given: str) -> int:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("PORT_")} | given
        line = [sys.executable, "-c", code, str(tmp_path), command]
        return int(subprocess.run(line, cwd=PROJECT, env=environ, capture_output=True, check=True).stdout)

    assert port("run", PORT_OFFSET="100") == 9796
    assert [port(command) for command in ("run", "status", "start-serve", "run")] == [9796] * 4
    assert port("run", PORT_OFFSET="") == 9696
    assert port("run") == 9696
