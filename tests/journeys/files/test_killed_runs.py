"""A file of half a million rows, scored by a process that is killed and started again: every row is there once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.csv as pacsv
import pytest

from embedded.layout import PROJECT
from tabular.data.synthetic import make_table

RUN_ID = "a" * 32
BLOCKS, BLOCK_ROWS = 50, 10_000
WAIT_SECONDS = 280.0

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def folder(tmp_path, bundle, contract):
    """A state folder with the bundle of a run, and the file of rows."""
    shutil.copytree(bundle.folder, tmp_path / "state" / "bundles" / RUN_ID)
    header, _, rows = make_table(contract, BLOCK_ROWS, seed=3).partition(b"\n")
    (tmp_path / "rows.csv").write_bytes(header + b"\n" + rows * BLOCKS)
    return tmp_path


def start(folder, out):
    command = [sys.executable, "-m", "server.files", "rows.csv", out, "--run-id", RUN_ID]
    environ = {**os.environ, "STATE_DIR": str(folder / "state"), "PYTHONPATH": str(PROJECT)}
    environ["CONTRACT"] = str(PROJECT / "contracts" / "credit_card_churn.toml")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environ, **pipes)


def kill_when_a_part_is_done(process, parts):
    until = time.monotonic() + WAIT_SECONDS
    while not list(parts.glob("0*.json")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_killed_run_started_again_has_every_row_once(folder):
    out = folder / "scores.csv"
    kill_when_a_part_is_done(start(folder, "scores.csv"), folder / ".scores.csv.parts")
    assert not out.exists()
    process = start(folder, "scores.csv")
    printed, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, printed
    assert "resumed" in printed
    table = pacsv.read_csv(out)
    assert np.array_equal(table["row"].to_numpy(), np.arange(1, BLOCKS * BLOCK_ROWS + 1))
    assert not (folder / ".scores.csv.parts").exists()

    undisturbed = start(folder, "whole.csv")
    assert undisturbed.wait(WAIT_SECONDS) == 0
    assert (folder / "whole.csv").read_bytes() == out.read_bytes()
