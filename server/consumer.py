"""The stream door: `python -m server.consumer` answers the records of the predictions stream until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

from server.leases import Leases
from server.predictor import Predictor
from server.stream_loop import Sinks, StreamLoop
from server.stream_metrics import StreamMetrics
from tabular.adapters.leases import MongoLeases
from tabular.adapters.predictions import MongoPredictions
from tabular.adapters.registry import MlflowRegistry
from tabular.adapters.shards import KinesisShards
from tabular.adapters.stream import KinesisStream
from tabular.bundle_cache import BundleCache
from tabular.contract import load_contract
from tabular.errors import NotFound, Rejected, Unavailable
from tabular.private_files import keep_private
from tabular.settings import Settings, load_settings
from tabular.shard_reader import ShardReader

log = logging.getLogger(__name__)

REST_SECONDS = 2.0


def main() -> int:
    """Wire the consumer from the environment and run it; 0 after SIGTERM or SIGINT, 1 if it can never work."""
    keep_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(load_settings(), stop)
    except Rejected as error:
        log.error("the consumer cannot run: %s", error)
        return 1
    log.info("stopped")
    return 0


def run(settings: Settings, stop: threading.Event) -> None:
    """Answer records until stopped; raises Rejected for settings or a bundle that can never work."""
    predictor = _predictor(settings, stop)
    if predictor is None:
        return
    metrics = StreamMetrics()
    where = (settings.consumer_metrics_host, settings.consumer_metrics_port)
    stop_serving = metrics.serve(*where, settings.allowed_hosts)
    metrics.model(predictor.model.run_id)
    follower = predictor.following(settings.model_refresh_seconds, lambda _: metrics.model(predictor.model.run_id))
    follower.start(stop)
    store = MongoPredictions(settings.mongo_uri, settings.mongo_database)
    lease_store = MongoLeases(settings.mongo_uri, settings.mongo_database)
    leases = Leases(lease_store, settings.stream_predictions, consumer_name(settings), settings.lease_seconds)
    metrics.tasks = (follower, leases.beating)
    try:
        with leases.kept():
            _loop(settings, predictor, store, leases, metrics).run(settings.consumer_poll_seconds, stop)
    finally:
        store.close()
        lease_store.close()
        stop_serving()


def consumer_name(settings: Settings) -> str:
    """The name in the leases: the one that was given, or the host's with the process id."""
    return settings.consumer_name or f"{socket.gethostname()}-{os.getpid()}"


def _predictor(settings: Settings, stop: threading.Event) -> Predictor | None:
    """The model, as soon as the registry or a local copy gives one; None if stopped before."""
    name = settings.model_name or load_contract(settings.contract).table.name
    registry = MlflowRegistry(settings.mlflow_tracking_uri, name)
    cache = BundleCache(registry, settings.state_dir / "bundles")
    while not stop.is_set():
        try:
            return Predictor(cache, settings.run_id)
        except (Unavailable, NotFound) as error:
            if settings.run_id and isinstance(error, NotFound):
                raise
            log.warning("no model yet: %s; trying again in %g s", error, REST_SECONDS)
            stop.wait(REST_SECONDS)
    return None


def _loop(
    settings: Settings, predictor: Predictor, store: MongoPredictions, leases: Leases, metrics: StreamMetrics
) -> StreamLoop:
    where = (settings.aws_endpoint_url, settings.aws_region)
    shards = KinesisShards(settings.stream_predictions, *where)
    sinks = Sinks(
        store,
        KinesisStream(settings.stream_results, *where),
        KinesisStream(settings.stream_dead_letters, *where),
    )
    reader = ShardReader(shards, load=leases.saved, claim=leases.claim)
    return StreamLoop(reader, leases, lambda: predictor.model, sinks, metrics, settings.consumer_batch_records)


if __name__ == "__main__":
    sys.exit(main())
