"""A short run of `make chaos`: every kind of fault once, but for those that take long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from embedded.layout import PROJECT

SECONDS, SEED = 25, 1


@pytest.mark.timeout(280)
def test_a_short_run_loses_nothing():
    command = [sys.executable, "-u", "-m", "tests.chaos", "--smoke", str(SECONDS), "--seed", str(SEED), "--rate", "10"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            said, _ = run.communicate(timeout=260)
        finally:
            run.terminate()  # it ends what it started
    assert run.returncode == 0, said
    assert "nothing lost" in said
    assert "BROKEN" not in said
