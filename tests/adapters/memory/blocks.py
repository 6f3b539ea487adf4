"""The port `BlockStore` in memory, with a switch to be down."""

from __future__ import annotations

import msgspec

from tabular.errors import Unavailable
from tabular.predictions.block import Block


class MemoryBlocks:
    """The blocks by run and beginning."""

    def __init__(self) -> None:
        self.saved: dict[tuple[str, float], Block] = {}
        self.is_down = False

    def save(self, block):
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
        msgspec.to_builtins(block)  # as the real store's, it takes no numbers of NumPy's
        self.saved[block.run_id, block.since.timestamp()] = block

    def blocks(self, run_id, since):
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
        return [block for (of, _), block in sorted(self.saved.items()) if of == run_id and block.since >= since]

    def of_table(self, table, ended_since, most):
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
        found = [block for block in self.saved.values() if block.table == table and block.until >= ended_since]
        return sorted(found, key=lambda block: block.until)[:most]
