"""The monitor's process: checks the store, serves its snapshot on /metrics and whether it runs on /health."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app

from monitoring.alarms.alarms import Alarms, AlarmStores
from monitoring.alarms.starting import ReactionStarter
from monitoring.metrics import MonitorCollector
from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from tabular.errors import InvalidSetting
from tabular.ledger.entry import LedgerEntry
from tabular.logs.set_up import set_up_process
from tabular.process.metrics_server import App, StartResponse, only_for, serve
from tabular.process.stopping import run_until_stopped
from tabular.wiring import Wiring, wire

log = logging.getLogger(__name__)


def create_app(monitor: Monitor, is_running: Callable[[], bool]) -> App:
    """The two pages; /health returns 503 once the monitor has stopped."""
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    ProcessCollector(registry=registry)
    metrics: App = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return metrics(environ, start_response)
        is_alive = is_running()
        known = {"/health": "200 OK" if is_alive else "503 Service Unavailable"}
        snapshot = monitor.snapshot
        models = {run_id: run.model_up for run_id, run in snapshot.runs.items()}
        body = {"running": is_alive, "store_up": snapshot.store_up, "model_up": models}
        start_response(known.get(environ["PATH_INFO"], "404 Not Found"), [("Content-Type", "application/json")])
        return [json.dumps(body if environ["PATH_INFO"] in known else {"pages": ["/metrics", "/health"]}).encode()]

    return app


def build_monitor(wiring: Wiring, raised: Callable[[LedgerEntry], object] = lambda _: None) -> Monitor:
    """The monitor of all tables over the real store and registry; connects to nothing yet. Raises InvalidSetting.

    `raised` hears of each alarm that is raised.
    """
    settings = wiring.settings
    if settings.monitor_window_rows < settings.monitor_min_rows:
        raise InvalidSetting(
            f"MONITOR_WINDOW_ROWS={settings.monitor_window_rows} is less than "
            f"MONITOR_MIN_ROWS={settings.monitor_min_rows}: no window would ever be large enough to be compared. "
            "Make the window at least as large"
        )
    predictions = wiring.predictions()
    stores = AlarmStores(predictions, wiring.blocks(), wiring.loss_blocks(), wiring.ledger(), raised)
    tables = [
        MonitoredTable(
            table_wiring.contract.table.name,
            table_wiring.bundles(),
            Alarms(stores, table_wiring.contract.table.name, settings.monitor_block_seconds),
            table_wiring.registry().trained_at,
        )
        for table_wiring in wiring.for_tables()
    ]
    return Monitor(
        predictions,
        tables,
        settings.monitor_window_rows,
        settings.monitor_min_rows,
        settings.monitor_sample_rows,
        settings.monitor_quality_rows,
    )


def run(stop: threading.Event) -> None:
    """Check and serve until stopped; raises InvalidSetting."""
    wiring = wire()
    settings, starter = wiring.settings, ReactionStarter(wiring.flows())
    monitor = build_monitor(wiring, starter.raised)
    thread = threading.Thread(
        target=monitor.run, args=(settings.monitor_interval_seconds, stop), name="monitor", daemon=True
    )
    app = only_for(settings.allowed_hosts, create_app(monitor, thread.is_alive))
    stop_serving = serve(app, settings.monitor_host, settings.monitor_port, "MONITOR_PORT")
    starter.start(stop)
    thread.start()
    log.info("metrics on http://%s:%s/metrics", settings.monitor_host, settings.monitor_port)
    stop.wait()
    stop_serving()


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 if a setting cannot be used."""
    set_up_process("monitor")
    return run_until_stopped("monitor", run)


if __name__ == "__main__":
    sys.exit(main())
