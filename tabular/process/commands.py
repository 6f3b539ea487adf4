"""What commands have in common: their exit codes, and errors in plain words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from tabular.errors import Rejected, TabularError

REJECTED, UNAVAILABLE, DIFFERS = 1, 3, 4
"""What was asked for cannot be done; a service is down; it was done, and what was compared is not the same."""


def say(lines: Iterable[str]) -> None:
    """Print lines."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def plainly(work: Callable[[], int], what_failed: str) -> int:
    """Do the work and return its exit code; an expected error is told after `what_failed`, without a traceback."""
    try:
        return work()
    except Rejected as error:
        sys.stderr.write("".join(f"{line}\n" for line in [f"{what_failed}: {error.summary}", *error.lines[1:]]))
        return REJECTED
    except TabularError as error:
        sys.stderr.write(f"{what_failed}: {error}. Is the stack up? See `make status`\n")
        return UNAVAILABLE
