"""The outcomes that the business learns of some time after its predictions, each due at its own time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation_business.rows import Row
from tabular.contract.types import Contract

MAX_WAITING = 100_000
"""Beyond it the outcomes that are due first are not told; they count as missed."""
Label = dict[str, Any]


@dataclass
class Outcomes:
    """What is told of the rows of a table, `delay_seconds` after their predictions, for this share of them.

    With `by_key` a label names the business key of its row, if it has one, else the prediction. Times are seconds of
    one monotonic clock.
    """

    contract: Contract
    delay_seconds: float
    share: float
    by_key: bool
    draw: Random
    missed: int = 0
    _waiting: deque[tuple[float, Label]] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self._waiting)

    def request(self, row: Row) -> dict[str, Any]:
        """The request body of a row: its features, and its business key, if it has one."""
        name = self.contract.table.business_key
        return row.record if name is None or row.business_key is None else {**row.record, name: row.business_key}

    def predicted(self, row: Row, prediction_id: str, now_seconds: float) -> None:
        """The row has its prediction; its outcome is told later, if it is one of the share."""
        if self.draw.random() >= self.share:
            return
        name = self.contract.table.business_key
        is_by_key = self.by_key and name is not None and row.business_key is not None
        whose = {str(name): row.business_key} if is_by_key else {"prediction_id": prediction_id}
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.missed += 1
        self._waiting.append((now_seconds + self.delay_seconds, {**whose, "outcome": row.outcome}))

    def due(self, now_seconds: float, at_most: int) -> Sequence[Label]:
        """The labels that are to be told by now, so many at most; they count as told."""
        found: list[Label] = []
        while self._waiting and self._waiting[0][0] <= now_seconds and len(found) < at_most:
            found.append(self._waiting.popleft()[1])
        return found

    def wait_seconds(self, now_seconds: float) -> float:
        """How long it is until the next label is due; 0 if there is none."""
        return max(0.0, self._waiting[0][0] - now_seconds) if self._waiting else 0.0
