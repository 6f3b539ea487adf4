"""The shadow: `python -m server.shadow` scores and judges the models in it, of every table, until it is stopped."""

from __future__ import annotations

import logging
import os
import sys
import threading

from server.shadow.metrics import ShadowMetrics, serve_metrics
from server.shadow.table import TableShadow
from tabular.logs.set_up import set_up_process
from tabular.process.stopping import run_until_stopped
from tabular.wiring import Wiring, wire

log = logging.getLogger(__name__)

NICENESS = 10
"""Whoever responds to requests comes first: of a core that both want, the shadow gets a tenth."""


def main() -> int:
    """Wire the shadow from the environment and run it; 0 after SIGTERM or SIGINT, 1 if it can never work."""
    set_up_process("shadow")
    os.nice(NICENESS)
    return run_until_stopped("shadow", lambda stop: run(wire(), stop))


def run(wiring: Wiring, stop: threading.Event) -> None:
    """Run every table's shadow in turn, in this one thread, until stopped; raises Rejected for unusable settings."""
    settings, metrics = wiring.settings, ShadowMetrics()
    tables = [TableShadow(one, metrics) for one in wiring.for_tables()]
    metrics.tasks = [(table.table, task) for table in tables for task in table.tasks]
    stop_serving = serve_metrics(metrics, settings)
    try:
        while not stop.is_set():
            for table in tables:
                table.turn()
            if not any(table.has_more for table in tables):
                stop.wait(settings.shadow_poll_seconds)
    finally:
        stop_serving()
        for table in tables:
            table.close()


if __name__ == "__main__":
    sys.exit(main())
