"""The stores of blocks: the predictions, or the labelled ones, of each run in numbers, one block after the other."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeVar

from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock

AnyBlock = TypeVar("AnyBlock", Block, LossBlock)


class BlockStore(Protocol[AnyBlock]):
    """Raises Unavailable."""

    def save(self, block: AnyBlock) -> None:
        """Store a block; one of the same run and beginning is replaced."""

    def blocks(self, run_id: str, since: datetime) -> list[AnyBlock]:
        """The blocks of a run that begin at `since` or later, in order of time."""

    def of_table(self, table: str, ended_since: datetime, most: int) -> list[AnyBlock]:
        """The blocks of all runs of a table that ended at `ended_since` or later, first those that ended first."""
