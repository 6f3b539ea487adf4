"""The store of blocks: the predictions of each run in numbers, one block after the other."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tabular.predictions.block import Block


class BlockStore(Protocol):
    """Raises Unavailable."""

    def save(self, block: Block) -> None:
        """Store a block; one of the same run and beginning is replaced."""

    def blocks(self, run_id: str, since: datetime) -> list[Block]:
        """The blocks of a run that begin at `since` or later, in order of time."""
