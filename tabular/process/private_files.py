"""What a service keeps on disk is its own: predictions, models and logs hold what customers sent."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_ALONE = 0o077


def keep_private() -> None:
    """Let nobody else read what this process and its children write from now on; meant for the start of a program."""
    os.umask(OWNER_ALONE)


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, also one that others could read before."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        file.chmod(0o600)  # before anything is in it
        stream.write(text)
