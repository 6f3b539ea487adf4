"""What is missing for what, on this machine and on one that has nothing, by the system's Python alone."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

import pytest

from embedded.layout import PROJECT, Ports

SCRIPT = PROJECT / "embedded" / "doctor" / "__main__.py"


def doctor(path="/usr/bin:/bin"):
    command = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-B", str(SCRIPT)]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_it_names_every_missing_program_with_the_command_that_gets_it(tmp_path):
    done = doctor(str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    for program in ("git", "make", "curl"):
        assert f"MISSING  {program}, for make run\n          sudo apt-get install" in done.stdout
    assert "not yet  Docker with Compose 2, for env=local and env=cloud" in done.stdout
    assert re.search(r"^Missing for make run: .*git, make, curl", done.stdout, re.MULTILINE)


def test_a_port_that_is_in_use_is_named_with_its_service_and_the_remedy():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", Ports().reports))
            taken.listen()
        except OSError:
            pytest.skip("a stack of this machine has the port")
        said = doctor().stdout
    assert f"MISSING  port {Ports().reports}, for reports\n" in said
    assert "make run PORT_OFFSET=100" in said


def test_every_port_of_the_stack_is_looked_at():
    said = doctor().stdout
    assert all(f"port {port}," in said for port in vars(Ports()).values())
