"""An alarm that is raised starts the flow `react` at once; what cannot be started, the flow's schedule finds."""

from __future__ import annotations

import logging
import threading
from queue import Empty, SimpleQueue

from tabular.errors import Rejected
from tabular.ledger.entry import LedgerEntry
from tabular.ports.flows import FlowStarter
from tabular.process.background import BackgroundTask

log = logging.getLogger(__name__)

DEPLOYMENT = "react/react"
TOGETHER_SECONDS = 2.0
"""Alarms that are raised within this time start the flow once: one run looks at all of them."""


class ReactionStarter:
    """Starts the flow in a thread of its own, so that the monitor never waits; without flows it does nothing."""

    def __init__(self, flows: FlowStarter | None) -> None:
        self._flows = flows
        self._raised: SimpleQueue[LedgerEntry] = SimpleQueue()
        self._pending: list[LedgerEntry] = []

    def raised(self, entry: LedgerEntry) -> None:
        """Note an alarm that was just entered in the ledger."""
        if self._flows is not None:
            self._raised.put(entry)

    def start(self, stop: threading.Event) -> None:
        """Look for alarms until stopped."""
        if self._flows is not None:
            meanwhile = "alarms wait for the schedule of the flow react"
            BackgroundTask("reactions", self.start_flow, TOGETHER_SECONDS, meanwhile=meanwhile).start(stop)

    def start_flow(self) -> None:
        """Start the flow once for all that was raised; raises Unavailable, and the next call tries again."""
        self._pending += self._taken()
        if self._flows is None or not self._pending:
            return
        try:
            # The key: of two monitors, or after an answer that was lost, the first start counts.
            self._flows.start(DEPLOYMENT, self._pending[0].id)
            log.info("the flow react was started for %d alarms", len(self._pending))
        except Rejected as error:
            log.warning("the flow react is not started, so that alarms wait for its schedule: %s", error)
        self._pending = []

    def _taken(self) -> list[LedgerEntry]:
        taken: list[LedgerEntry] = []
        while True:
            try:
                taken.append(self._raised.get_nowait())
            except Empty:
                return taken
