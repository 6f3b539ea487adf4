"""What the steps of the drill work with: the stack, the traffic, the ledger in which everything must appear."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from embedded.drill.gauges import gauge
from embedded.drill.own_stack import logs_of_failure
from embedded.drill.table import StepTable
from embedded.drill.traffic import Traffic
from embedded.operate import Stack
from tabular.contract.types import Contract
from tabular.errors import TabularError
from tabular.ledger.entry import Kind, LedgerEntry
from tabular.ports.registry import CHAMPION
from tabular.promotion.parts import Parts

POLL_SECONDS = 1.0
LONGEST_SECONDS = 240.0
METRIC = "roc_auc"

Found = TypeVar("Found")


class NotSeen(TabularError):
    """What a step is about did not happen in time."""


@dataclass
class Drill:
    """What the steps work with."""

    stack: Stack
    contract: Contract
    dataset: Path
    traffic: Traffic
    parts: Parts
    table: StepTable
    measured: dict[str, float] = field(default_factory=dict)
    """The quality of a run as it was measured at some step, by its id."""

    def entries(self, *kinds: Kind) -> list[LedgerEntry]:
        """The ledger of the drill's table, oldest first."""
        return self.parts.ledger.entries(self.parts.table, kinds=kinds)[::-1]

    def champion(self) -> str:
        """The run that is served."""
        return self.parts.registry.alias(CHAMPION)

    def await_labels(self, labels: int) -> None:
        """Wait until so many labels were sent; raises NotSeen."""
        self._awaited(lambda: self.traffic.labels >= labels or None, f"{labels:,} labels accepted")

    def await_entry(self, kind: Kind, is_it: Callable[[LedgerEntry], bool] = lambda _: True) -> LedgerEntry:
        """The newest entry of the kind that is meant, once it is there; raises NotSeen."""

        def newest() -> LedgerEntry | None:
            return next((entry for entry in self.entries(kind)[::-1] if is_it(entry)), None)

        return self._awaited(newest, f"an entry “{kind}” in the ledger")

    def quality(self, name: str, run_id: str) -> float | None:
        """A gauge of the monitor about the ROC-AUC of a run; None if it is not known."""
        return gauge(self.stack.layout.ports.monitor, name, run_id=run_id, metric=METRIC)

    def await_quality(self, run_id: str) -> float:
        """The measured ROC-AUC of a run, once it is known; raises NotSeen."""
        found = self._awaited(lambda: self.quality("monitor_quality", run_id), f"the measured quality of run {run_id}")
        self.measured[run_id] = found
        return found

    def _awaited(self, find: Callable[[], Found | None], what: str) -> Found:
        """What `find` gives, once it gives something; raises NotSeen."""
        until = time.monotonic() + LONGEST_SECONDS
        while (found := find()) is None:
            if time.monotonic() > until:
                where = logs_of_failure(self.stack.layout.state)
                raise NotSeen(f"not seen within {LONGEST_SECONDS:g} s: {what}. {self.traffic}. The logs are in {where}")
            time.sleep(POLL_SECONDS)
        return found
