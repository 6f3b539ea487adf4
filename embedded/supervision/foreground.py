"""Foreground commands that Ctrl-C ends silently: the caller reports what is still running."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_GRACE_SECONDS = 10.0


def run_in_foreground(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> int:
    """Run a command and return its exit code; raises KeyboardInterrupt once the command has ended too, or OSError.

    It has its own process group: Ctrl-C at the terminal reaches us alone, and we then terminate the command.
    """
    with subprocess.Popen(  # noqa: S603 - our own modules
        command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, process_group=0
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise


def interrupt_on_every_signal() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
