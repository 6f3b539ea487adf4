"""Files that only their owner may read: predictions, models and logs hold customers' data."""

from __future__ import annotations

import os
from pathlib import Path

OWNER_ALONE = 0o077


def keep_private() -> None:
    """Make files that this process and its children create from now on readable by their owner only."""
    os.umask(OWNER_ALONE)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, even if it existed with wider permissions; raises OSError."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        file.chmod(0o600)  # before anything is in it
        stream.write(text)
