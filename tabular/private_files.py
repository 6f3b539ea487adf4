"""What a service keeps on disk is its own: predictions, models and logs hold what customers sent."""

from __future__ import annotations

import os

OWNER_ALONE = 0o077


def keep_private() -> None:
    """Let nobody else read what this process and its children write from now on; meant for the start of a program."""
    os.umask(OWNER_ALONE)
