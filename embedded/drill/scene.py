"""What the steps of the drill work with: the stack, the traffic, the ledger in which everything must appear."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

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
        until = time.monotonic() + LONGEST_SECONDS
        while self.traffic.labels < labels:
            if time.monotonic() > until:
                raise NotSeen(f"{labels:,} labels were not accepted within {LONGEST_SECONDS:g} s: {self.traffic}")
            time.sleep(POLL_SECONDS)

    def await_entry(self, kind: Kind, is_it: Callable[[LedgerEntry], bool] = lambda _: True) -> LedgerEntry:
        """The newest entry of the kind that is meant, once it is there; raises NotSeen."""
        until = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < until:
            if found := [entry for entry in self.entries(kind) if is_it(entry)]:
                return found[-1]
            time.sleep(POLL_SECONDS)
        raise NotSeen(
            f"nothing was recorded as “{kind}” within {LONGEST_SECONDS:g} s: {self.traffic}. The logs are in "
            f"{logs_of_failure(self.stack.layout.state)}"
        )

    def quality(self, name: str, run_id: str) -> float | None:
        """A gauge of the monitor about the ROC-AUC of a run; None if it is not known."""
        return gauge(self.stack.layout.ports.monitor, name, run_id=run_id, metric=METRIC)

    def await_quality(self, run_id: str) -> float:
        """The measured ROC-AUC of a run, once it is known; raises NotSeen."""
        until = time.monotonic() + LONGEST_SECONDS
        while (found := self.quality("monitor_quality", run_id)) is None:
            if time.monotonic() > until:
                raise NotSeen(f"the quality of run {run_id} was not measured within {LONGEST_SECONDS:g} s")
            time.sleep(POLL_SECONDS)
        self.measured[run_id] = found
        return found
