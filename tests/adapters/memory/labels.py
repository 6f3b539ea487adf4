"""The port `LabelWriter` in memory: keeps what it is given; `is_down` and `refuses` (an outcome) are its faults."""

from __future__ import annotations

from collections.abc import Sequence

from tabular.errors import Rejected, Unavailable
from tabular.ports.labels import LabelCounts
from tabular.predictions.label import Label


class MemoryLabels:
    """`saved` are all labels, in order; `found_waiting` is what the next look at those that wait gives.

    `tried_at` are the times by which what had waited was given up.
    """

    def __init__(self) -> None:
        self.saved: list[Label] = []
        self.tried_at = []
        self.found_waiting = {}
        self.is_down = False
        self.refuses = None

    def save(self, labels: Sequence[Label]) -> LabelCounts:
        self._up()
        if any(label.outcome == self.refuses for label in labels):
            raise Rejected("the prediction store cannot hold the document")
        self.saved += labels
        return LabelCounts(attached=len(labels))

    def attach_waiting(self, now):
        self._up()
        self.tried_at.append(now)
        return self.found_waiting

    def count_waiting(self):
        self._up()
        return sum(counts.waiting for counts in self.found_waiting.values())

    def _up(self) -> None:
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
