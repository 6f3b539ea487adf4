"""What is waited for is shown on a terminal; a log gets the lines alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from embedded.layout import PROJECT

WAITS = """
import time
from embedded.console import bar, say
with bar(2) as show:
    show(1, "waiting for mlflow")
    time.sleep(0.3)
    say("the store is ready")
"""


def test_a_log_holds_the_lines_alone():
    done = subprocess.run([sys.executable, "-c", WAITS], cwd=PROJECT, capture_output=True, check=True, text=True)
    assert (done.stdout, done.stderr) == ("    the store is ready\n", "")


def test_a_terminal_shows_how_much_is_done_and_what_is_waited_for():
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", WAITS], cwd=PROJECT, stdout=theirs, env=environ) as waits:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            if not piece:
                break
            seen += piece
    os.close(ours)
    assert waits.returncode == 0
    assert b"1/2" in seen
    assert b"waiting for mlflow" in seen
    assert b"the store is ready" in seen
