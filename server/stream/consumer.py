"""The stream consumer: `python -m server.stream.consumer` responds to the records of a stream until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

from server.scoring.predictor import Predictor
from server.stream.leases import Leases
from server.stream.loop import Sinks, StreamLoop
from server.stream.metrics import StreamMetrics
from server.stream.shard_reader import ShardReader
from tabular.errors import NotFound, Rejected, Unavailable
from tabular.ports.predictions import PredictionWriter
from tabular.settings import Settings
from tabular.wiring import Wiring, set_up_process, wire

log = logging.getLogger(__name__)

REST_SECONDS = 2.0


def main() -> int:
    """Wire the consumer from the environment and run it; 0 after SIGTERM or SIGINT, 1 if it can never work."""
    set_up_process()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(wire(), stop)
    except Rejected as error:
        log.error("the consumer cannot run: %s", error)
        return 1
    log.info("stopped")
    return 0


def run(wiring: Wiring, stop: threading.Event) -> None:
    """Respond to records until stopped; raises Rejected for settings or a bundle that can never work."""
    settings, predictor = wiring.settings, _predictor(wiring, stop)
    if predictor is None:
        return
    metrics = StreamMetrics()
    where = (settings.consumer_metrics_host, settings.consumer_metrics_port)
    stop_serving = metrics.serve(*where, settings.allowed_hosts)
    metrics.model(predictor.model.table, predictor.model.run_id)
    follower = predictor.follower(
        settings.model_refresh_seconds, lambda _: metrics.model(predictor.model.table, predictor.model.run_id)
    )
    follower.start(stop)
    store, lease_store = wiring.predictions(), wiring.leases()
    leases = Leases(lease_store, settings.stream_predictions, consumer_name(settings), settings.lease_seconds)
    metrics.tasks = (follower, leases.heartbeat_task)
    try:
        with leases.running():
            _loop(wiring, predictor, store, leases, metrics).run(settings.consumer_poll_seconds, stop)
    finally:
        store.close()
        lease_store.close()
        stop_serving()


def consumer_name(settings: Settings) -> str:
    """The name in the leases: the one that was given, or the host's with the process id."""
    return settings.consumer_name or f"{socket.gethostname()}-{os.getpid()}"


def _predictor(wiring: Wiring, stop: threading.Event) -> Predictor | None:
    """The model, as soon as the registry or a local copy gives one; None if stopped before."""
    bundles, run_id = wiring.bundles(), wiring.settings.run_id
    while not stop.is_set():
        try:
            return Predictor(bundles, run_id)
        except (Unavailable, NotFound) as error:
            if run_id and isinstance(error, NotFound):
                raise
            log.warning("no model yet: %s; trying again in %g s", error, REST_SECONDS)
            stop.wait(REST_SECONDS)
    return None


def _loop(
    wiring: Wiring, predictor: Predictor, store: PredictionWriter, leases: Leases, metrics: StreamMetrics
) -> StreamLoop:
    settings = wiring.settings
    sinks = Sinks(store, wiring.stream(settings.stream_results), wiring.stream(settings.stream_dead_letters))
    reader = ShardReader(wiring.shards(settings.stream_predictions), load=leases.saved, acquire=leases.acquire)
    return StreamLoop(reader, leases, lambda: predictor.model, sinks, metrics, settings.consumer_batch_records)


if __name__ == "__main__":
    sys.exit(main())
