"""What is done with labels that came in: saved, counted, and entered into the ledger, a table once a minute at most."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from tabular.ledger.entry import LedgerEntry
from tabular.ports.labels import LabelCounts, LabelWriter
from tabular.ports.ledger import Ledger
from tabular.predictions.label import Label, LabelSource
from tabular.process.cautious_clock import CautiousClock

ENTRY_SECONDS = 60.0
Origin = tuple[str, LabelSource]
"""The table of a label, and what brought it."""


class LabelIntake:
    """Saves labels of any table and source. For one thread. Raises what the store raises."""

    def __init__(self, store: LabelWriter, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._ledger, self._clock = store, ledger, clock
        self._giving_up = CautiousClock(monotonic=clock)
        self._not_entered: dict[Origin, LabelCounts] = {}
        self._entered_at_seconds: dict[str, float] = {}
        self.counts: dict[Origin, LabelCounts] = {}
        """What became of labels since the start. One that waited is counted again when it is attached."""

    def save(self, labels: Sequence[Label]) -> LabelCounts:
        """Attach labels, or have them wait; what became of them."""
        by_origin: dict[Origin, list[Label]] = defaultdict(list)
        for label in labels:
            by_origin[label.table, label.source].append(label)
        saved = {origin: self._store.save(these) for origin, these in by_origin.items()}
        self._count(saved)
        total = LabelCounts()
        for counts in saved.values():
            total = total.plus(counts)
        return total

    def attach_waiting(self) -> None:
        """Try some of the labels that wait; what has waited for too long is given up, but not by a clock set ahead."""
        found = self._store.attach_waiting(self._giving_up.now())
        self._count({origin: counts._replace(waiting=0) for origin, counts in found.items()})

    def enter(self, *, at_once: bool = False) -> None:
        """Enter into the ledger what arrived: of a table whose last entry is a minute old, or `at_once` of all."""
        now = self._clock()
        for table in sorted({table for table, _ in self._not_entered}):
            if at_once or now - self._entered_at_seconds.get(table, -ENTRY_SECONDS) >= ENTRY_SECONDS:
                these = {origin: counts for origin, counts in self._not_entered.items() if origin[0] == table}
                self._ledger.append(_entry(table, these))
                self._entered_at_seconds[table] = now
                self._not_entered = {one: counts for one, counts in self._not_entered.items() if one not in these}

    def _count(self, found: Mapping[Origin, LabelCounts]) -> None:
        for origin, counts in found.items():
            if any(counts):
                self.counts[origin] = self.counts.get(origin, LabelCounts()).plus(counts)
            if counts.attached or counts.corrected or counts.orphans:
                self._not_entered[origin] = self._not_entered.get(origin, LabelCounts()).plus(counts)


def _entry(table: str, found: Mapping[Origin, LabelCounts]) -> LedgerEntry:
    total = LabelCounts()
    for counts in found.values():
        total = total.plus(counts)
    sources = ", ".join(sorted({source for _, source in found}))
    why = f"{total.attached:,} labels attached and {total.corrected:,} corrected ({sources})"
    evidence: dict[str, str | float | None] = dict(total._asdict()) | {"sources": sources}
    at = datetime.now(UTC)
    return LedgerEntry(at=at, table=table, kind="labels_arrived", who="labels", why=why, evidence=evidence)
